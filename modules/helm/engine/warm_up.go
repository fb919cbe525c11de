//go:build wasip1

package main

import "engine.helm.oarlock.dev/warm"

// warmUp is called when the component is built, and never again: instances start where it ends.
//
//go:wasmexport oarlock_warm_up
func warmUp() { warm.Up() }
