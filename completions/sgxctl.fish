# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for sgxctl(1): sgxctl itself knows what can follow.

function __sgxctl_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    for line in ($tokens[1] __complete $tokens[2..-1] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c sgxctl -f -a '(__sgxctl_complete)'
