{{- define "outer" -}}{{ include "inner" . }}{{- end -}}{{- define "inner" -}}{{ required "deep inside" .Values.name }}{{- end -}}
