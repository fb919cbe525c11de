// Package kubernetes is empty: Helm imports it so that the version of this module is in the build information.
package kubernetes
