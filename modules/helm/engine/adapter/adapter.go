//go:build !wasip1

// Package adapter stands in for the preview-1 adapter where there is none, as in tests.
package adapter

import "time"

// OnSeed, where it is set, hears of every Seed. The system's random numbers cannot be set but by tests.
var OnSeed func(key [32]byte)

// SetClock does nothing: the clock is the system's.
func SetClock(time.Time) {}

// Seed tells OnSeed.
func Seed(key [32]byte) {
	if OnSeed != nil {
		OnSeed(key)
	}
}

// Draws counts nothing.
func Draws() uint64 { return 0 }
