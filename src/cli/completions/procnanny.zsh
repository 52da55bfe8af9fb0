#compdef procnanny
# What zsh completes for procnanny(1). procnanny itself says what may stand where the cursor is.

_procnanny() {
  local program=${~${(Q)words[1]}} line word
  local -a answer before whole begun
  whence -p -- $program >/dev/null || program=procnanny
  before=("${(@Q)words[2,CURRENT-1]}")
  answer=("${(@f)$($program complete zsh "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)}")
  local kind=${answer[1]%%$'\t'*} prefix=${answer[1]#*$'\t'}
  shift answer
  # What the shell is not to replace; if it is quoted in another way, up to where it ends.
  if [[ -n $prefix ]]; then
    compset -P "${(b)prefix}" || compset -P "*${(b)prefix[-1]}"
  fi
  case $kind in
    words)
      for line in $answer; do
        # A word, and what it means, as _describe takes them.
        word=${${${line%%$'\t'*}//\\/\\\\}//:/\\:}
        if [[ $word == *[=/:] ]]; then
          # More is to follow.
          begun+=("$word:${line#*$'\t'}")
        else
          whole+=("$word:${line#*$'\t'}")
        fi
      done
      _describe -V -t values value whole -- begun -S ''
      ;;
    files) _files ;;
    directories) _files -/ ;;
    command\ *)
      shift ${kind#command } words
      (( CURRENT -= ${kind#command } ))
      _normal
      ;;
  esac
}

if [[ ${funcstack[1]} == _procnanny ]]; then
  _procnanny "$@"
else
  compdef _procnanny procnanny
fi
