// Helm's engine as a component of world oarlock:helm/helm-engine.
package main

import (
	// Charts name time zones, and there are no files.
	_ "time/tzdata"

	_ "engine.helm.oarlock.dev/bindings/exports/wit_exports"
)

//go:generate go run ./stub/versions

// main never runs: the component is a reactor, entered through its exports.
func main() {}
