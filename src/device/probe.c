/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this machine offers, probe by probe, and which device DEV_AUTO would take.  CPUID informs and never
 * decides.  No probe creates an enclave.
 */
#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fmt.h"
#include "device/internal.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define HWCAP2_FSGSBASE_BIT (1ul << 1)

struct probing {
	struct dev_probe *v;
	size_t n;
};

enum { NO = PROBE_NO, YES = PROBE_YES, UNKNOWN = PROBE_UNKNOWN };

/* The probe that value and message are to be written to; never more than there is room for. */
static struct dev_probe *add(struct probing *p, const char *name, int pass, const char *message)
{
	struct dev_probe *d = &p->v[p->n < DEV_MAX_PROBES - 1 ? p->n++ : p->n];

	d->name = name;
	d->pass = pass == YES ? PROBE_YES : pass == NO ? PROBE_NO : PROBE_UNKNOWN;
	d->value[0] = 0;
	snprintf(d->message, sizeof(d->message), "%s", pass == YES ? "" : message);
	return d;
}

__attribute__((format(printf, 2, 3)))
static void saw(struct dev_probe *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->value, sizeof(d->value), fmt, ap);
	va_end(ap);
}

/* ---- CPU ----------------------------------------------------------------------------------------- */

struct leaf {
	uint32_t a, b, c, d;
};

static struct leaf cpuid(uint32_t leaf, uint32_t sub)
{
	struct leaf r = { 0 };

	if ((uint32_t)__get_cpuid_max(leaf & 0x80000000u, NULL) >= leaf)
		__cpuid_count(leaf, sub, r.a, r.b, r.c, r.d);
	return r;
}

static uint64_t cpuid_epc(void)
{
	uint64_t bytes = 0;

	for (uint32_t i = 2; i < 10; i++) {
		struct leaf s = cpuid(0x12, i);

		if ((s.a & 0xf) != 1)
			break;
		bytes += (uint64_t)(s.d & 0xfffff) << 32 | (s.c & 0xfffff000u);
	}
	return bytes;
}

static void probe_cpuid(struct probing *p)
{
	struct leaf l7 = cpuid(7, 0), l12 = { 0 }, attr = { 0 };
	bool sgx = l7.b & (1u << 2);
	char size[FMT_SIZE_BYTES];
	struct dev_probe *d;

	if (sgx) {
		l12 = cpuid(0x12, 0);
		attr = cpuid(0x12, 1);
	}
	d = add(p, "cpuid-sgx", sgx ? YES : NO, "this CPU (or virtual machine) does not announce SGX");
	saw(d, "CPUID.7.0:EBX=0x%x", l7.b);
	d = add(p, "cpuid-sgx-lc", l7.c & (1u << 30) ? YES : NO,
		"without flexible launch control Linux offers no /dev/sgx_enclave");
	saw(d, "CPUID.7.0:ECX=0x%x", l7.c);
	d = add(p, "cpuid-sgx1", l12.a & 1 ? YES : NO, "SGX is not enabled: see the firmware set-up");
	saw(d, "CPUID.12H.0:EAX=0x%x", l12.a);
	d = add(p, "cpuid-sgx2", l12.a & 2 ? YES : NO, "without SGX2 enclaves cannot grow while they run");
	saw(d, "CPUID.12H.0:EAX=0x%x", l12.a);
	d = add(p, "cpuid-attributes", sgx ? YES : NO, "no enclave attributes without SGX");
	saw(d, "attributes=0x%llx xfrm=0x%llx miscselect=0x%x max-size=2^%u",
	    (unsigned long long)attr.b << 32 | attr.a, (unsigned long long)attr.d << 32 | attr.c, l12.b,
	    l12.d >> 8 & 0xff);
	d = add(p, "cpuid-epc", sgx && cpuid_epc() ? YES : NO, "no EPC section: PRM size 0 in the firmware?");
	saw(d, "%s", fmt_size(size, sgx ? cpuid_epc() : 0));
}

/* The words of the first "flags" line. */
static bool cpuinfo_flag(const char *flags, const char *word)
{
	size_t len = strlen(word);

	for (const char *s = flags; (s = strstr(s, word)); s += len)
		if (s > flags && s[-1] == ' ' && (s[len] == ' ' || s[len] == '\n' || !s[len]))
			return true;
	return false;
}

static void probe_cpuinfo(struct probing *p)
{
	CLEANUP(cleanup_fclose) FILE *f = fopen("/proc/cpuinfo", "re");
	CLEANUP(cleanup_free) char *line = NULL;
	size_t bytes = 0;
	bool sgx = false, lc = false, seen = false;
	struct dev_probe *d;

	while (f && !seen && getline(&line, &bytes, f) > 0) {
		seen = !strncmp(line, "flags", 5);
		sgx = seen && cpuinfo_flag(line, "sgx");
		lc = seen && cpuinfo_flag(line, "sgx_lc");
	}
	d = add(p, "cpuinfo-sgx", !seen ? UNKNOWN : sgx ? YES : NO,
		"the kernel does not use SGX: nosgx, firmware, or a kernel without CONFIG_X86_SGX");
	saw(d, "%s", sgx ? "sgx" : "");
	d = add(p, "cpuinfo-sgx-lc", !seen ? UNKNOWN : lc ? YES : NO,
		"the kernel sees no flexible launch control");
	saw(d, "%s", lc ? "sgx_lc" : "");
}

/* ---- kernel -------------------------------------------------------------------------------------- */

static void probe_kernel(struct probing *p)
{
	unsigned major = 0, minor = 0;
	struct utsname u;
	struct dev_probe *d;
	bool known = !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2;

	d = add(p, "kernel-sgx2", !known ? UNKNOWN : major >= 6 ? YES : NO,
		"Linux 6.0 and later add pages to running enclaves");
	saw(d, "%s", known ? u.release : "");
	d = add(p, "vdso-enter", device_vdso_enter() ? YES : NO,
		"the vDSO has no __vdso_sgx_enter_enclave: the kernel was built without SGX");
	saw(d, "%s", device_vdso_enter() ? "__vdso_sgx_enter_enclave" : "");
}

static void probe_sysfs_epc(struct probing *p)
{
	const char *base = "/sys/devices/system/node";
	DIR *dir = opendir(base);
	uint64_t total = 0, bytes;
	bool any = false;
	struct dirent *de;
	char path[320], size[FMT_SIZE_BYTES];
	struct dev_probe *d;

	while (dir && (de = readdir(dir))) {
		FILE *f;

		if (strncmp(de->d_name, "node", 4))
			continue;
		snprintf(path, sizeof(path), "%s/%s/x86/sgx_total_bytes", base, de->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%lu", &bytes) == 1) {
			total += bytes;
			any = true;
		}
		fclose(f);
	}
	if (dir)
		closedir(dir);
	d = add(p, "epc-bytes", any && total ? YES : any ? NO : UNKNOWN,
		"the kernel reports no EPC (files sgx_total_bytes of the NUMA nodes)");
	saw(d, "%s", any ? fmt_size(size, total) : "");
}

/* ---- device nodes -------------------------------------------------------------------------------- */

static void probe_node(struct probing *p, const char *name, const char *path, const char *message)
{
	struct stat st;
	bool there = !stat(path, &st), node = there && S_ISCHR(st.st_mode);
	struct dev_probe *d = add(p, name, node ? YES : NO, there ? "that is no device node: remove it" : message);

	if (there)
		saw(d, "%s mode %04o uid %u gid %u", path, (unsigned)st.st_mode & 07777, st.st_uid,
		    st.st_gid);
	else
		saw(d, "%s", errno_name(errno) ? errno_name(errno) : "");
}

/* One ioctl with a zeroed argument on a fresh fd. */
static void probe_ioctl(struct probing *p, int fd, const char *name, unsigned long cmd, const char *message)
{
	uint64_t zeroed[8] = { 0 };
	int r = fd < 0 ? 0 : ioctl(fd, cmd, zeroed), sys = errno;
	struct dev_probe *d = add(p, name, fd < 0 ? UNKNOWN : r < 0 && sys == EINVAL ? YES : NO,
				  fd < 0 ? "the device cannot be opened" :
				  sys == ENODEV ? "this CPU has no SGX2" : message);

	if (fd >= 0 && r < 0)
		saw(d, "%s", errno_name(sys) ? errno_name(sys) : "");
	else if (fd >= 0)
		saw(d, "%d", r);
}

static bool probe_exec(struct probing *p, int fd)
{
	void *r, *x = MAP_FAILED;
	int sys = 0;
	struct dev_probe *d;

	if (fd < 0) {
		add(p, "node-exec", UNKNOWN, "the device cannot be opened");
		return false;
	}
	r = mmap(NULL, SGX_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (r != MAP_FAILED)
		x = mmap(NULL, SGX_PAGE_SIZE, PROT_EXEC, MAP_SHARED, fd, 0);
	sys = errno;
	d = add(p, "node-exec", x != MAP_FAILED ? YES : NO, r == MAP_FAILED ? "the device cannot be mapped" :
		"/dev is mounted noexec: mount -o remount,exec /dev");
	saw(d, "%s", x != MAP_FAILED ? "mmap PROT_EXEC" : errno_name(sys) ? errno_name(sys) : "");
	if (r != MAP_FAILED)
		munmap(r, SGX_PAGE_SIZE);
	if (x != MAP_FAILED)
		munmap(x, SGX_PAGE_SIZE);
	return x != MAP_FAILED;
}

/* True when the kernel's device can be used. */
static bool probe_device(struct probing *p)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct dev_probe *d;
	bool exec;

	probe_node(p, "node-enclave", SGX_DEV_ENCLAVE,
		   "no device node: no SGX, no launch control, or SGX disabled in the firmware");
	probe_node(p, "node-provision", SGX_DEV_PROVISION, "enclaves cannot get PROVISIONKEY");
	probe_node(p, "node-vepc", "/dev/sgx_vepc", "no EPC for guests of this machine");
	fd = open(SGX_DEV_ENCLAVE, O_RDWR | O_CLOEXEC);
	d = add(p, "node-open", fd >= 0 ? YES : NO, errno == EACCES || errno == EPERM ?
		"the node may not be opened: check owner, group and mode" : "the node cannot be opened");
	saw(d, "%s", fd >= 0 ? "O_RDWR" : errno_name(errno) ? errno_name(errno) : "");
	exec = probe_exec(p, fd);
	probe_ioctl(p, fd, "ioctl-modify-types", SGX_IOC_ENCLAVE_MODIFY_TYPES,
		    "the kernel is older than 6.0: no SGX2");
	probe_ioctl(p, fd, "ioctl-remove-pages", SGX_IOC_ENCLAVE_REMOVE_PAGES,
		    "the kernel is older than 6.0, or has the numbers of the RFC series");
	probe_ioctl(p, fd, "ioctl-remove-pages-rfc", _IOWR(SGX_MAGIC, 0x08, struct sgx_enclave_remove_pages),
		    "not a kernel with the numbers of the RFC series");
	probe_ioctl(p, fd, "ioctl-augment-pages", SGX_IOC_ENCLAVE_AUGMENT_PAGES,
		    "no kernel release has AUGMENT_PAGES; pages are added on faults: --strategy=touch or accept");
	return exec && device_vdso_enter();
}

/* ---- what the emulated device needs -------------------------------------------------------------- */

static bool probe_emulated(struct probing *p)
{
	/* switching it off when it is off succeeds where the kernel knows it, and changes nothing */
	bool sud = !prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
	bool fsgs = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT;
	struct dev_probe *d;

	d = add(p, "emulated-syscall-dispatch", sud ? YES : NO, "needs Syscall User Dispatch: Linux 5.11");
	saw(d, "%s", sud ? "PR_SET_SYSCALL_USER_DISPATCH" : "");
	d = add(p, "emulated-fsgsbase", fsgs ? YES : NO,
		"entries and exits cost two system calls more; Linux 5.9 and its CPU have it");
	saw(d, "%s", fsgs ? "fsgsbase" : "");
	return sud;
}

size_t sgx_dev_probe(struct dev_probe probes[DEV_MAX_PROBES], enum dev_kind *ret_auto, char reason[256])
{
	struct probing p = { .v = probes };
	bool kernel, emulated;
	struct err why = { 0 };
	struct sgx_dev *d = NULL;

	probe_cpuid(&p);
	probe_cpuinfo(&p);
	probe_kernel(&p);
	probe_sysfs_epc(&p);
	kernel = probe_device(&p);
	emulated = probe_emulated(&p);
	*ret_auto = DEV_EMULATED;
	if (kernel && !sgx_dev_kernel_new(&d, &why)) {
		*ret_auto = DEV_KERNEL;
		snprintf(reason, 256, "%s can be opened, mapped and entered", SGX_DEV_ENCLAVE);
		sgx_dev_free(d);
	} else {
		if (!why.msg[0])
			sgx_dev_kernel_new(&d, &why);
		snprintf(reason, 256, "%.200s%s", why.msg, emulated ? "" :
			 "; nor can enclaves be emulated here");
	}
	return p.n;
}
