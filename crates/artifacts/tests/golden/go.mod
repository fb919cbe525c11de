module golden

go 1.26.0

require (
	github.com/Masterminds/semver/v3 v3.5.0
	helm.sh/helm/v4 v4.2.4
)
