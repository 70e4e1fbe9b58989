# the bash file is called what bash looks for: the name of the command
dist_bashcompletion_DATA = completions/sgxctl
dist_zshcompletion_DATA = completions/_sgxctl
dist_fishcompletion_DATA = completions/sgxctl.fish
