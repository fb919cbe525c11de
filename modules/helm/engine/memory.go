package main

import "runtime/debug"

// An instance serves one call: what it does not clean up goes with it. Only a render that needs very much collects.
func init() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(160 << 20)
}
