{{/* What everything is called; one release in a namespace. */}}
{{- define "provisionhook.labels" -}}
app.kubernetes.io/name: provisionhook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "provisionhook.url" -}}
{{- if .Values.publicUrl -}}
{{ .Values.publicUrl }}
{{- else -}}
http://{{ .Release.Name }}.{{ .Release.Namespace }}.svc:{{ .Values.port }}
{{- end -}}
{{- end -}}
{{- define "provisionhook.adminSecret" -}}
{{- if .Values.adminTokenSecret -}}
{{ .Values.adminTokenSecret }}
{{- else -}}
{{ .Release.Name }}-admin
{{- end -}}
{{- end -}}
