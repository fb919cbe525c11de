// Package fake is empty: `go mod tidy` looks for it on behalf of the tests of Helm.
package fake
