dist_man_MANS += man/sgxctl-enclave.7
dist_man_MANS += man/sgxctl.1 man/sgxctl-json.5 man/sgxctl-emulation.7 man/sgxctl-errors.7
dist_man_MANS += \
	man/sgxctl-accept-test.1 man/sgxctl-accept.1 man/sgxctl-augment.1 man/sgxctl-call.1 \
	man/sgxctl-diff.1 man/sgxctl-dump-secs.1 man/sgxctl-dump-ssa.1 man/sgxctl-dump-tcs.1 man/sgxctl-explain.1 \
	man/sgxctl-extend.1 man/sgxctl-info.1 man/sgxctl-inspect.1 man/sgxctl-list.1 man/sgxctl-load.1 man/sgxctl-measure.1 \
	man/sgxctl-modify-type.1 man/sgxctl-pages.1 man/sgxctl-peek.1 man/sgxctl-poke.1 \
	man/sgxctl-remove.1 man/sgxctl-restrict.1 man/sgxctl-run.1 man/sgxctl-sign.1 man/sgxctl-status.1 \
	man/sgxctl-unload.1 man/sgxctl-verify.1
