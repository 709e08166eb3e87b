package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// filling fills requests, and keeps what they have no field for: an older SDK sends what it knows.
type filling struct {
	unknown []string
}

// options fills the options of an operation, whose arguments are known by the names of its fields.
func (filling *filling) options(options reflect.Value, arguments map[string]json.RawMessage) error {
	fields := map[string]reflect.Value{}
	for at := range options.NumField() {
		fields[plain(options.Type().Field(at).Name)] = options.Field(at)
	}
	for name, raw := range arguments {
		field, known := fields[plain(name)]
		if !known {
			filling.unknown = append(filling.unknown, name)
			continue
		}
		if err := filling.fill(field, raw); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// fill decodes JSON into a field of a request. The SDKs decode answers alone: their unions need a variant to be chosen.
func (filling *filling) fill(field reflect.Value, raw json.RawMessage) error {
	if string(raw) == "null" {
		return nil
	}
	kind := field.Type()
	switch {
	case reflect.PointerTo(kind).Implements(unmarshaler):
		return json.Unmarshal(raw, field.Addr().Interface())
	case kind.Kind() == reflect.Pointer:
		field.Set(reflect.New(kind.Elem()))
		return filling.fill(field.Elem(), raw)
	case kind == reflect.TypeFor[io.ReadCloser]():
		var text string
		err := json.Unmarshal(raw, &text)
		field.Set(reflect.ValueOf(io.NopCloser(strings.NewReader(text))))
		return err
	case kind.Kind() == reflect.Interface && kind.NumMethod() > 0:
		variant, known := variants[kind]
		if !known {
			return fmt.Errorf("variants.go names no struct for %s", kind)
		}
		made := reflect.New(variant)
		field.Set(made)
		return filling.fill(made.Elem(), raw)
	case kind.Kind() == reflect.Slice && kind.Elem().Kind() != reflect.Uint8:
		return filling.slice(field, raw)
	case kind.Kind() == reflect.Struct:
		return filling.model(field, raw)
	}
	return json.Unmarshal(raw, field.Addr().Interface())
}

func (filling *filling) slice(field reflect.Value, raw json.RawMessage) error {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	made := reflect.MakeSlice(field.Type(), len(items), len(items))
	for at, item := range items {
		if err := filling.fill(made.Index(at), item); err != nil {
			return err
		}
	}
	field.Set(made)
	return nil
}

// model fills a struct; some take properties of any name.
func (filling *filling) model(field reflect.Value, raw json.RawMessage) error {
	var properties map[string]json.RawMessage
	if err := json.Unmarshal(raw, &properties); err != nil {
		return err
	}
	known := propertiesOf(field)
	for name, raw := range properties {
		property, ok := known[name]
		if !ok {
			if err := filling.property(field, name, raw); err != nil {
				return err
			}
			continue
		}
		if err := filling.fill(field.Field(property), raw); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (filling *filling) property(field reflect.Value, name string, raw json.RawMessage) error {
	setter := field.Addr().MethodByName("SetProperty")
	if !setter.IsValid() {
		filling.unknown = append(filling.unknown, field.Type().Name()+"."+name)
		return nil
	}
	value := reflect.New(setter.Type().In(1))
	if err := filling.fill(value.Elem(), raw); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	setter.Call([]reflect.Value{reflect.ValueOf(name), value.Elem()})
	return nil
}

// makeUp gives every field that an operation cannot do without a value, for operations that refuse whatever they get.
func makeUp(options reflect.Value) error {
	for at := range options.NumField() {
		rules := options.Type().Field(at).Tag.Get("validate")
		// A request without any content is not sent, whatever the rules say.
		isContent := options.Field(at).Type() == reflect.TypeFor[io.ReadCloser]()
		if isContent || strings.Contains(rules, "required") {
			if err := makeUpValue(options.Field(at)); err != nil {
				return fmt.Errorf("%s: %w", options.Type().Field(at).Name, err)
			}
		}
	}
	return nil
}

func makeUpValue(field reflect.Value) error {
	switch field.Kind() {
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
		return makeUpValue(field.Elem())
	case reflect.String:
		field.SetString("x")
	case reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		return makeUpValue(field.Index(0))
	case reflect.Map:
		field.Set(reflect.MakeMap(field.Type()))
		if field.Type().Elem().Kind() == reflect.Interface {
			field.SetMapIndex(reflect.ValueOf("any"), reflect.ValueOf("value"))
		}
	case reflect.Interface:
		if field.Type() == reflect.TypeFor[io.ReadCloser]() {
			return (&filling{}).fill(field, json.RawMessage(`"x"`))
		}
		variant, known := variants[field.Type()]
		if !known {
			return errors.New("variants.go names no struct for " + field.Type().String())
		}
		made := reflect.New(variant)
		field.Set(made)
		return makeUpValue(made.Elem())
	case reflect.Struct:
		return makeUp(field)
	}
	return nil
}
