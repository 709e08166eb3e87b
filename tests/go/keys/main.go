// The life of keys with the Go client of Key Protect.
//
// Reads what it needs as JSON from its first argument, and writes what it has seen as JSON.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	kp "github.com/IBM/keyprotect-go-client"
)

// given is what the test passes: address, key, and two instances of Key Protect.
type given struct {
	URL      string `json:"url"`
	Key      string `json:"key"`
	Instance string `json:"instance"`
}

// seen is what the test compares.
type seen struct {
	Created      bool     `json:"created"`
	Aliases      []string `json:"aliases"`
	Unwrapped    bool     `json:"unwrapped"`
	Versions     int      `json:"versions"`
	Rewrapped    bool     `json:"rewrapped"`
	Again        string   `json:"again"`
	Disabled     string   `json:"disabled"`
	Registered   int      `json:"registered"`
	Rotation     int      `json:"rotation"`
	DualAuth     string   `json:"dualAuth"`
	Imported     bool     `json:"imported"`
	Retrievals   string   `json:"retrievals"`
	Filtered     int      `json:"filtered"`
	Policies     int      `json:"policies"`
	NotAllowed   string   `json:"notAllowed"`
	Rings        int      `json:"rings"`
	Moved        string   `json:"moved"`
	Deleted      bool     `json:"deleted"`
	Restored     int      `json:"restored"`
	NotSupported string   `json:"notSupported"`
}

// must ends the program with the error of the client, if there is one.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// done is the same for what has no value.
func done(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// refused is status and code of what the service refuses.
func refused(err error) string {
	var refusal *kp.Error
	if !errors.As(err, &refusal) {
		log.Fatalf("not refused by the service: %v", err)
	}
	return fmt.Sprintf("%d %s", refusal.StatusCode, refusal.Reasons[0].Code)
}

// wrap makes a root key with an alias, wraps with it, rotates it, and disables it.
func wrap(ctx context.Context, client *kp.Client, found *seen) *kp.Key {
	root := must(client.CreateKeyWithAliases(ctx, "go-root", nil, false, []string{"go-alias"}))
	found.Created = root.CRN != "" && root.State == 1
	found.Aliases = must(client.GetKey(ctx, "go-alias")).Aliases
	data := []byte(base64.StdEncoding.EncodeToString([]byte("the passphrase of an image")))
	aad := []string{"image"}
	wrapped := must(client.Wrap(ctx, root.ID, data, &aad))
	found.Unwrapped = bytes.Equal(must(client.Unwrap(ctx, root.ID, wrapped, &aad)), data)
	done(client.Rotate(ctx, root.ID, ""))
	found.Versions = len(must(client.ListKeyVersions(ctx, root.ID, nil)).KeyVersion)
	plain, again, err := client.UnwrapV2(ctx, root.ID, wrapped, &aad)
	done(err)
	found.Rewrapped = bytes.Equal(plain, data) && len(again) > 0 && !bytes.Equal(again, wrapped)
	found.Again = refused(client.Rotate(ctx, root.ID, ""))
	done(client.DisableKey(ctx, root.ID))
	_, err = client.Wrap(ctx, root.ID, data, nil)
	found.Disabled = refused(err)
	done(client.EnableKey(ctx, root.ID))
	found.Registered = len(must(client.ListRegistrations(ctx, root.ID, "")).Registrations)
	return root
}

// policies sets what the clock and a second user do with keys.
func policies(ctx context.Context, client *kp.Client, root *kp.Key, found *seen) {
	must(client.SetRotationPolicy(ctx, root.ID, 3))
	must(client.DisableRotationPolicy(ctx, root.ID))
	found.Rotation = must(client.GetRotationPolicy(ctx, root.ID)).Rotation.Interval
	two := must(client.CreateRootKey(ctx, "go-two-users", nil))
	must(client.SetDualAuthDeletePolicy(ctx, two.ID, true))
	done(client.InitiateDualAuthDelete(ctx, two.ID))
	_, err := client.DeleteKey(ctx, two.ID, kp.ReturnMinimal)
	found.DualAuth = refused(err)
}

// material imports a key by an import token, with the helpers of the client.
func material(ctx context.Context, client *kp.Client, found *seen) {
	must(client.CreateImportToken(ctx, 300, 1))
	token := must(client.GetImportTokenTransportKey(ctx))
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	payload := must(kp.EncryptKey(secret, token.Payload))
	nonce, iv, err := kp.EncryptNonce(secret, token.Nonce, "")
	done(err)
	root := must(client.CreateImportedRootKey(ctx, "go-imported", nil, payload, nonce, iv))
	found.Imported = must(client.GetKeyMetadata(ctx, root.ID)).Imported
	_, err = client.GetImportTokenTransportKey(ctx)
	found.Retrievals = refused(err)
}

// instance sets policies of the instance and lists keys.
func instance(ctx context.Context, client *kp.Client, found *seen) {
	filter := kp.GetFilterQueryBuilder().Extractable(false).State([]kp.KeyState{kp.Active}).LastRotationDate().None()
	query, sort := filter.Build(), *kp.GetKeySortStr(kp.WithCreationDateDesc(), kp.WithID())
	found.Filtered = len(must(client.ListKeys(ctx, &kp.ListKeysOptions{Filter: &query, Sort: &sort})).Keys)
	months := 2
	done(client.SetInstancePolicies(ctx, kp.MultiplePolicies{
		Metrics:  &kp.BasicPolicyData{Enabled: true},
		Rotation: &kp.RotationPolicyData{Enabled: true, IntervalMonth: &months},
		KeyCreateImportAccess: &kp.KeyCreateImportAccessInstancePolicy{
			Enabled:    true,
			Attributes: &kp.KeyCreateImportAccessInstancePolicyAttributes{CreateStandardKey: new(bool)},
		},
	}))
	found.Policies = len(must(client.GetInstancePolicies(ctx)))
	_, err := client.CreateStandardKey(ctx, "go-standard", nil)
	found.NotAllowed = refused(err)
	done(client.CreateKeyRing(ctx, "go-ring"))
	found.Rings = len(must(client.GetKeyRings(ctx)).KeyRings)
}

// end moves a key to another key ring, deletes it and restores it.
func end(ctx context.Context, client *kp.Client, root *kp.Key, found *seen) {
	found.Moved = must(client.SetKeyRing(ctx, root.ID, "go-ring")).KeyRingID
	deleted := must(client.DeleteKey(ctx, root.ID, kp.ReturnRepresentation))
	found.Deleted = *deleted.Deleted && deleted.State == 5
	found.Restored = must(client.RestoreKey(ctx, root.ID)).State
	_, err := client.GetKMIPAdapters(ctx, nil)
	found.NotSupported = refused(err)
}

func main() {
	var known given
	done(json.Unmarshal([]byte(os.Args[1]), &known))
	// A status of 501 is tried again like every other of the server: once is enough to see it.
	kp.RetryMax = 0
	client := must(kp.New(kp.ClientConfig{
		BaseURL:    known.URL,
		TokenURL:   known.URL + "/identity/token",
		APIKey:     known.Key,
		InstanceID: known.Instance,
	}, nil))
	ctx, found := context.Background(), seen{}
	root := wrap(ctx, client, &found)
	policies(ctx, client, root, &found)
	material(ctx, client, &found)
	instance(ctx, client, &found)
	end(ctx, client, root, &found)
	done(json.NewEncoder(os.Stdout).Encode(found))
}
