package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/go-openapi/strfmt"
)

// compare returns where an answer and the model that the SDK made of it differ: properties that the model does not
// know or cannot do without, and values that did not arrive.
func compare(model reflect.Value, body []byte) []string {
	if stream, ok := model.Interface().(io.ReadCloser); ok {
		read, err := io.ReadAll(stream)
		if err != nil || !bytes.Equal(read, body) {
			return []string{fmt.Sprintf("the stream is not the answer: %v", err)}
		}
		return nil
	}
	if text, ok := model.Interface().(*string); ok {
		if text == nil || *text != string(body) {
			return []string{"the text is not the answer"}
		}
		return nil
	}
	var raw any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		return []string{"no JSON: " + err.Error()}
	}
	found := faults("", model, raw)
	sort.Strings(found)
	return found
}

// propertiesOf returns the fields of a model, by the names that they have in JSON.
func propertiesOf(model reflect.Value) map[string]int {
	found := map[string]int{}
	for at := range model.NumField() {
		name, _, _ := strings.Cut(model.Type().Field(at).Tag.Get("json"), ",")
		if name != "" && name != "-" {
			found[name] = at
		}
	}
	return found
}

func faults(at string, value reflect.Value, raw any) []string {
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface {
		if value.IsNil() {
			return nil
		}
		if _, ok := value.Interface().(*strfmt.DateTime); ok {
			break
		}
		value = value.Elem()
	}
	switch raw := raw.(type) {
	case map[string]any:
		if value.Kind() == reflect.Struct {
			return structFaults(at, value, raw)
		}
	case []any:
		if value.Kind() == reflect.Slice && value.Len() == len(raw) {
			var found []string
			for index, item := range raw {
				found = append(found, faults(at+"[]", value.Index(index), item)...)
			}
			return found
		}
	}
	return leafFaults(at, value, raw)
}

func structFaults(at string, model reflect.Value, raw map[string]any) []string {
	var found []string
	known := propertiesOf(model)
	open := reflect.PointerTo(model.Type()).Implements(reflect.TypeFor[interface{ GetProperties() map[string]any }]())
	for name, item := range raw {
		if index, ok := known[name]; ok && item != nil && isLost(model.Field(index)) {
			found = append(found, fmt.Sprintf("%s: %s is lost", model.Type().Name(), name))
		} else if ok {
			found = append(found, faults(at+"."+name, model.Field(index), item)...)
		} else if !open {
			found = append(found, fmt.Sprintf("%s has no %s", model.Type().Name(), name))
		}
	}
	for name, index := range known {
		_, there := raw[name]
		if !there && strings.Contains(model.Type().Field(index).Tag.Get("validate"), "required") {
			found = append(found, fmt.Sprintf("%s cannot do without %s", model.Type().Name(), name))
		}
	}
	return found
}

// isLost tells whether nothing arrived in a field, of whatever came.
func isLost(field reflect.Value) bool {
	return (field.Kind() == reflect.Pointer || field.Kind() == reflect.Interface) && field.IsNil()
}

// leafFaults compares a value with what came, both as JSON; points in time as such.
func leafFaults(at string, value reflect.Value, raw any) []string {
	if decoded, ok := value.Interface().(strfmt.DateTime); ok {
		return timeFaults(at, decoded, raw)
	}
	if decoded, ok := value.Interface().(*strfmt.DateTime); ok {
		return timeFaults(at, *decoded, raw)
	}
	if raw == nil && value.IsZero() {
		return nil
	}
	decoded, err := json.Marshal(value.Interface())
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", at, err)}
	}
	came, err := json.Marshal(raw)
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", at, err)}
	}
	var one, other any
	if json.Unmarshal(decoded, &one) != nil || json.Unmarshal(came, &other) != nil || !reflect.DeepEqual(one, other) {
		return []string{fmt.Sprintf("%s: %s came, and %s arrived", at, came, decoded)}
	}
	return nil
}

func timeFaults(at string, decoded strfmt.DateTime, raw any) []string {
	text, _ := raw.(string)
	came, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || !came.Truncate(time.Millisecond).Equal(time.Time(decoded).Truncate(time.Millisecond)) {
		return []string{fmt.Sprintf("%s: %v came, and %s arrived", at, raw, decoded)}
	}
	return nil
}
