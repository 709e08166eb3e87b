package main

import (
	"reflect"
	"testing"

	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/IBM/vpc-go-sdk/vpcv1"
	"github.com/go-openapi/strfmt"
)

// key is a model of an answer, and the answer.
func key(change func(*vpcv1.Key)) reflect.Value {
	created, _ := strfmt.ParseDateTime("2026-01-02T03:04:05.678Z")
	made := &vpcv1.Key{
		CreatedAt:     &created,
		CRN:           core.StringPtr("crn"),
		Fingerprint:   core.StringPtr("print"),
		Href:          core.StringPtr("href"),
		ID:            core.StringPtr("id"),
		Length:        core.Int64Ptr(2048),
		Name:          core.StringPtr("name"),
		PublicKey:     core.StringPtr("public"),
		ResourceGroup: &vpcv1.ResourceGroupReference{ID: core.StringPtr("group"), Name: core.StringPtr("n"), Href: core.StringPtr("h")},
		Type:          core.StringPtr("rsa"),
	}
	change(made)
	return reflect.ValueOf(made)
}

const (
	start = `{"created_at": "2026-01-02T03:04:05.678Z", "crn": "crn", "fingerprint": "print", "href": "href", "id": "id",
		"name": "name", "public_key": "public", "resource_group": {"id": "group", "name": "n", "href": "h"}, `
	whole = start + `"length": 2048, "type": "rsa"}`
)

func TestCompare(t *testing.T) {
	asIs := func(*vpcv1.Key) {}
	for name, one := range map[string]struct {
		model  reflect.Value
		answer string
		faults []string
	}{
		"all arrived": {key(asIs), whole, nil},
		"a property that the model has not": {
			key(asIs), start + `"length": 2048, "type": "rsa", "more": 1}`, []string{"Key has no more"}},
		"a required one is missing": {
			key(asIs), start + `"type": "rsa"}`, []string{"Key cannot do without length"}},
		"one is lost": {
			key(func(key *vpcv1.Key) { key.ResourceGroup = nil }), whole, []string{"Key: resource_group is lost"}},
		"another value arrived": {
			key(func(key *vpcv1.Key) { key.Length = core.Int64Ptr(1) }), whole, []string{".length: 2048 came, and 1 arrived"}},
		"another time arrived": {
			key(func(key *vpcv1.Key) { key.CreatedAt = &strfmt.DateTime{} }), whole,
			[]string{".created_at: 2026-01-02T03:04:05.678Z came, and 0001-01-01T00:00:00.000Z arrived"}},
		"no JSON": {key(asIs), "oops", []string{"no JSON: invalid character 'o' looking for beginning of value"}},
	} {
		t.Run(name, func(t *testing.T) {
			if found := compare(one.model, []byte(one.answer)); !reflect.DeepEqual(found, one.faults) {
				t.Errorf("found %q", found)
			}
		})
	}
}

func TestLists(t *testing.T) {
	items := []vpcv1.KeyReference{{ID: core.StringPtr("a")}}
	if found := compare(reflect.ValueOf(items), []byte(`[{"id": "a"}, {"id": "b"}]`)); len(found) != 1 {
		t.Errorf("an item that did not arrive: %q", found)
	}
}
