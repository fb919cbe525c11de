{{ define "self" }}{{ include "self" . }}{{ end }}
