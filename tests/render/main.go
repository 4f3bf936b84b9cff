// Renders a chart as `helm template` does, with the template engine and the functions that Helm itself is made of. There is no Helm to be
// had from Debian. What the charts here do not use is left out: dependencies, hooks, lookups.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

func main() {
	if err := render(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// render CHART RELEASE NAMESPACE [KEY=VALUE...]
func render(chart, release, namespace string, set []string) error {
	values := map[string]any{}
	text, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, &values); err != nil {
		return err
	}
	for _, pair := range set {
		key, value, _ := strings.Cut(pair, "=")
		values[key] = value
	}
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil {
		return err
	}
	sort.Strings(files)
	// As Helm has it: a value that is not there is an error.
	all := template.New("chart").Option("missingkey=error")
	all.Funcs(sprig.TxtFuncMap()).Funcs(template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var out bytes.Buffer
			err := all.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
		"required": func(message string, value any) (any, error) {
			if value == nil || value == "" {
				return nil, fmt.Errorf("%s", message)
			}
			return value, nil
		},
		"toYaml": func(value any) (string, error) {
			text, err := yaml.Marshal(value)
			return strings.TrimSuffix(string(text), "\n"), err
		},
	})
	name := func(file string) string { return "provisionhook/templates/" + filepath.Base(file) }
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if _, err := all.New(name(file)).Parse(string(text)); err != nil {
			return err
		}
	}
	data := map[string]any{
		"Values":   values,
		"Release":  map[string]any{"Name": release, "Namespace": namespace},
		"Template": map[string]any{"BasePath": "provisionhook/templates"},
	}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "_") {
			continue
		}
		var out bytes.Buffer
		if err := all.ExecuteTemplate(&out, name(file), data); err != nil {
			return err
		}
		fmt.Printf("---\n%s\n", strings.TrimSpace(out.String()))
	}
	return nil
}
