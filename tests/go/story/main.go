// The main story, told with the Go SDKs: an image is published in a private catalog, shared, booted by others who cannot
// look it up, and freed seven days after its catalog was deleted.
//
// Reads what it needs as JSON from its first argument. Writes a line of JSON for each step, with a detail where the step
// failed. Where time has to pass it writes how much, and waits for a line on its input.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
)

// given is what the caller passes: where the services are, and the accounts.
type given struct {
	URL        string  `json:"url"`
	VPC        string  `json:"vpc"`
	Catalog    string  `json:"catalog"`
	Enterprise string  `json:"enterprise"`
	File       string  `json:"file"`
	Root       account `json:"root"`
	Publisher  account `json:"publisher"`
	ConsumerA  account `json:"consumer_a"`
	ConsumerB  account `json:"consumer_b"`
	Outsider   account `json:"outsider"`
}

type account struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// told is a line of the output.
type told struct {
	Name    string `json:"name,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Advance string `json:"advance,omitempty"`
}

func say(line told) {
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		log.Fatal(err)
	}
}

// step takes one step. What comes after one that failed cannot be told.
func step(name string, do func() error) {
	if err := do(); err != nil {
		say(told{Name: name, Detail: err.Error()})
		os.Exit(1)
	}
	say(told{Name: name})
}

func main() {
	var known given
	if err := json.Unmarshal([]byte(os.Args[1]), &known); err != nil {
		log.Fatal(err)
	}
	owner, root := newCaller(known, known.Publisher), newCaller(known, known.Root)
	byAccount, byGroup := newCaller(known, known.ConsumerA), newCaller(known, known.ConsumerB)
	stranger := newCaller(known, known.Outsider)
	work := &publication{owner: owner, root: root}

	step("the publisher imports an image from a bucket", func() error { return work.importImage(known.File) })
	step("the image becomes a version of an offering in a private catalog", work.createVersion)
	step("the version is validated", work.validate)
	step("the version is published", work.publish)
	step("before it is shared nobody else can boot it", func() error { return refuses(byAccount.boot(work.version)) })
	step("it is shared with an account", func() error { return work.shareWithAccount(known.ConsumerA.ID) })
	step("it is shared with an account group", func() error { return work.shareWithGroup(known.ConsumerB.ID) })
	step("it is shared with the enterprise", work.shareWithEnterprise)
	step("the account accepts", func() error { return byAccount.accept(known.Publisher.ID) })
	step("it boots an instance by the version's CRN", func() error { return byAccount.bootsAndShows(work) })
	step("an account of the group accepts", func() error { return byGroup.accept(known.Publisher.ID) })
	step("it boots an instance, too", func() error { return byGroup.bootsAndShows(work) })
	step("the enterprise accepts", func() error { return root.accept(known.Publisher.ID) })
	step("the enterprise sees the offering", func() error { return root.sees(work.offering) })
	step("an account outside cannot boot it", func() error { return refuses(stranger.boot(work.version)) })
	step("the image cannot be looked up by its id, as if absent", func() error { return byAccount.lookUp(work) })
	step("nor booted by its id, CRN or href, as if absent", func() error { return byAccount.bootByImage(work) })
	step("a name means the caller's own image", func() error { return byAccount.byName(work, known.File) })
	step("deleting the image is refused while a catalog manages it", func() error { return work.deleteImage(409) })
	step("the catalog is deleted", work.deleteCatalog)
	step("deleting the image is still refused", func() error { return work.deleteImage(409) })
	say(told{Advance: "7d"})
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		log.Fatal(err)
	}
	step("seven days later the image is free", work.isFree)
	step("the image is deleted", func() error { return work.deleteImage(202) })
	step("the consumer's instance runs on, and shows the image", func() error { return byAccount.stillShows(work) })
}

// expect is an error unless something holds.
func expect(holds bool, text string, arguments ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(text, arguments...)
}
