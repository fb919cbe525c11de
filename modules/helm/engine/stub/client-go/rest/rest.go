// Package rest has the one type that Helm's engine names.
package rest

// Config configures nothing: there is no client.
type Config struct{}
