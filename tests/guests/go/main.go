// The greeting reconciler in Go, as a component of world oarlock:reconcile/reading.
package main

import _ "guests.oarlock.dev/go/bindings/exports/wit_exports"

// main never runs: the component is a reactor, entered through its exports.
func main() {}
