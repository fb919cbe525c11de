{{ define broken }}x{{ end }}
