package helm

import (
	"maps"
	"slices"
	"text/template"
)

// ordered replaces the two functions of sprig that list a map as it comes. They may give any order; here it is always the
// same one, so that a list in an object does not change with every render.
func ordered(functions template.FuncMap) {
	functions["keys"] = func(dicts ...map[string]any) []string {
		all := []string{}
		for _, dict := range dicts {
			all = append(all, slices.Sorted(maps.Keys(dict))...)
		}
		return all
	}
	functions["values"] = func(dict map[string]any) []any {
		all := []any{}
		for _, key := range slices.Sorted(maps.Keys(dict)) {
			all = append(all, dict[key])
		}
		return all
	}
}
