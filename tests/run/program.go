// SPDX-License-Identifier: LGPL-2.1-or-later

// A program of Go, for sgxctl run: files, ioctl and threads by system calls of its own, preemption by signals, a child
// through /proc/self/exe, and a fault that becomes a panic.  With cgo it is dynamic.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

const (
	threads     = 32
	enclaveInit = 0x4008a402
)

func open() *os.File {
	f, err := os.OpenFile("/dev/sgx_enclave", os.O_RDWR, 0)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return f
}

func recovered() (yes bool) {
	defer func() { yes = recover() != nil }()
	var p *int
	*p = 1
	return
}

func main() {
	f := open()
	if len(os.Args) > 1 {
		fmt.Print("child ")
		return
	}
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), enclaveInit, 0)
	st, _ := f.Stat()
	var all sync.WaitGroup
	for i := 0; i < threads; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			runtime.LockOSThread()
			for k := 0; k < 1000000; k++ {
				runtime.KeepAlive(k)
			}
		}()
	}
	all.Wait()
	runtime.GC()
	out, err := exec.Command("/proc/self/exe", "child").CombinedOutput()
	fmt.Println(e == syscall.EINVAL, st.Mode()&os.ModeCharDevice != 0, string(out), err, recovered())
}
