// The definitions of the Gateway API: only their files are taken (`config/crd/standard`), nothing is built.
module oarlock.dev/tests/cluster/gateway-api

go 1.26.0

require sigs.k8s.io/gateway-api v1.4.1
