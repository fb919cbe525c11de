// The main package of etcd's own repository cannot be built from a module proxy: it replaces its parts by folders. This is
// that main function.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
