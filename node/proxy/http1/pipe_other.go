//go:build !linux

package http1

// openPipe makes no pipe: without splice there is no use for one.
func openPipe() (ends, error) { return ends{}, errNoSplice }

func (ends) close() {}

func (ends) read([]byte) (int, error) { return 0, errNoSplice }

func splice(int, int, int64) (int64, error) { return 0, errNoSplice }
