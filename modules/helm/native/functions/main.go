// Prints the names of all functions that a template of this version of Helm can call, one per line: those of Helm,
// of sprig as Helm has them, and those that text/template has built in.
package main

import (
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"text/template"
	_ "unsafe" // for go:linkname

	_ "helm.sh/helm/v4/pkg/engine"
)

// What the engine gives to its templates. It is not exported; a list that is written by hand would not notice a new one.
//
//go:linkname helmFunctions helm.sh/helm/v4/pkg/engine.funcMap
func helmFunctions() template.FuncMap

//go:linkname builtinFunctions text/template.builtins
func builtinFunctions() template.FuncMap

func main() {
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "helm.sh/helm/v4" {
			fmt.Println("#", module.Path, module.Version)
		}
	}
	all := map[string]struct{}{}
	for name := range helmFunctions() {
		all[name] = struct{}{}
	}
	for name := range builtinFunctions() {
		all[name] = struct{}{}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Println(name)
	}
}
