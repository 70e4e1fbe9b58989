# make check-driver: the same session on the real driver and on the emulated device.  DRIVER_VM names the boot script
# of a virtual machine with the real driver; without it the run is a skip.
EXTRA_DIST += tests/driver/check-driver.sh tests/driver/check-formats.sh tests/driver/session.sh \
	tests/driver/documents.jq tests/driver/differences.txt

check-driver: sgxctl$(EXEEXT) sgxctl-keeper$(EXEEXT) $(enclave_images)
	@DRIVER_VM='$(DRIVER_VM)' SGXCTL='$(abs_top_builddir)/sgxctl$(EXEEXT)' \
		SGXCTL_KEEPER='$(abs_top_builddir)/sgxctl-keeper$(EXEEXT)' \
		SGXCTL_ENCLAVES='$(abs_top_builddir)/enclaves' top_srcdir='$(abs_top_srcdir)' \
		$(SHELL) $(top_srcdir)/tests/driver/check-driver.sh

# make check-formats: images of other formats on the real driver
check-formats: sgxctl$(EXEEXT) sgxctl-keeper$(EXEEXT)
	@DRIVER_VM='$(DRIVER_VM)' SGXCTL='$(abs_top_builddir)/sgxctl$(EXEEXT)' \
		SGXCTL_KEEPER='$(abs_top_builddir)/sgxctl-keeper$(EXEEXT)' top_srcdir='$(abs_top_srcdir)' \
		$(SHELL) $(top_srcdir)/tests/driver/check-formats.sh
PHONY_LOCAL += check-driver check-formats
