# What fish completes for procnanny(1). procnanny itself says what may stand where the cursor is.

function __procnanny_complete
    set -l before (commandline -opc)
    set -l typed (commandline -ct)
    # Without the quotes, of which the last may be open.
    set -l current (string unescape -- $typed; or string trim --left --chars '\'"' -- $typed)
    set -l program $before[1]
    command --query $program; or set program procnanny
    set -l answer (command $program complete fish $before[2..] "$current" 2>/dev/null)
    set -l first (string split \t -- $answer[1])
    set -l prefix "$first[2]"
    set -e answer[1]
    switch "$first[1]"
        case words
            for line in $answer
                echo -- "$prefix$line"
            end
        case files directories
            set -l path (string sub --start (math 1 + (string length -- $prefix)) -- "$current")
            # As fish completes what it knows nothing of.
            for line in (complete --do-complete "'' "(string escape -- "$path"))
                if test "$first[1]" = files; or string match --quiet --regex '/(\t.*)?$' -- $line
                    echo -- "$prefix$line"
                end
            end
        case 'command *'
            set -l skipped (math 1 + (string split ' ' -- $first[1])[2])
            set -l words (string escape -- $before[$skipped..])
            complete --do-complete "$(string join ' ' -- $words $typed)"
    end
end

complete --command procnanny --no-files --keep-order --arguments '(__procnanny_complete)'
