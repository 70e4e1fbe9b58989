dist_man_MANS += man/sgxctl-enclave.7
