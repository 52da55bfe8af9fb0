# What bash completes for procnanny(1). procnanny itself says what may stand where the cursor is.

_procnanny() {
    local program=${1/#\~\//$HOME/} answer
    type -P -- "$program" >/dev/null || program=procnanny
    mapfile -t answer < <("$program" complete bash "$2" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    COMPREPLY=()
    case ${answer[0]-} in
    words)
        COMPREPLY=("${answer[@]:1}")
        # More is to follow.
        if [[ ${#answer[@]} == 2 && ${answer[1]} == *[=/:] ]]; then
            compopt -o nospace
        fi
        ;;
    files) compopt -o default ;;
    directories) compopt -o filenames -o dirnames ;;
    "command "*) _procnanny_command "${answer[0]#command }" ;;
    esac
}

# Another command begins at that character of the line: it is completed as it would be without what stands before it.
_procnanny_command() {
    local at=$1 first=0 position=0 rest=$COMP_LINE before complete
    while ((first < COMP_CWORD)); do
        before=${rest%%"${COMP_WORDS[first]}"*}
        ((position += ${#before}))
        ((position >= at)) && break
        ((position += ${#COMP_WORDS[first]}))
        rest=${COMP_LINE:position}
        ((first += 1))
    done
    # The package bash-completion loads what it has for a command when that is completed for the first time.
    for complete in _comp_command_offset _command_offset; do
        if declare -F "$complete" >/dev/null; then
            "$complete" "$first"
            return
        fi
    done
    COMP_WORDS=("${COMP_WORDS[@]:first}")
    COMP_CWORD=$((COMP_CWORD - first))
    COMP_LINE=${COMP_LINE:at}
    COMP_POINT=$((COMP_POINT - at))
    local command=${COMP_WORDS[0]}
    if ((COMP_CWORD == 0)); then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -c -- "$command")
        return
    fi
    complete=$(complete -p -- "$command" 2>/dev/null || complete -p -- "${command##*/}" 2>/dev/null)
    if [[ $complete =~ \ -F\ ([^ ]+) ]]; then
        "${BASH_REMATCH[1]}" "$command" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        while [[ $complete =~ \ -o\ ([a-z]+)(.*) ]]; do
            compopt -o "${BASH_REMATCH[1]}"
            complete=${BASH_REMATCH[2]}
        done
    else
        compopt -o default
    fi
}

complete -F _procnanny procnanny
