// Package adapter is the guest's side of what the preview-1 adapter of `cargo xtask modules` has beyond WASI: its clock
// and its random numbers can be set.
package adapter

import (
	"time"
	"unsafe"
)

//go:wasmimport wasi_snapshot_preview1 oarlock_clock_set
func clockSet(nanoseconds uint64)

//go:wasmimport wasi_snapshot_preview1 oarlock_random_seed
func randomSeed(key unsafe.Pointer)

//go:wasmimport wasi_snapshot_preview1 oarlock_random_draws
func randomDraws() uint64

// SetClock stops the wall clock at this moment.
func SetClock(moment time.Time) { clockSet(uint64(moment.UnixNano())) }

// Seed starts the random numbers anew: the same key, the same numbers.
func Seed(key [32]byte) { randomSeed(unsafe.Pointer(&key)) }

// Draws is how often random numbers were asked for so far.
func Draws() uint64 { return randomDraws() }
