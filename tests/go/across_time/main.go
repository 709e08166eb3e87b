// One client of each of the Go SDKs' services, used before and after the product clock is moved by seven days.
//
// Reads what it needs as JSON from its first argument. It deletes a catalog, says `deleted` on its output, waits for a
// line on its input, and deletes the image with the clients and tokens that it has.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/IBM/platform-services-go-sdk/catalogmanagementv1"
	"github.com/IBM/platform-services-go-sdk/resourcecontrollerv2"
	"github.com/IBM/vpc-go-sdk/vpcv1"
)

// given is what the test passes: addresses, the key, and what to delete.
type given struct {
	URL       string `json:"url"`
	VPC       string `json:"vpc"`
	Catalog   string `json:"catalog"`
	Key       string `json:"key"`
	CatalogID string `json:"catalogId"`
	Image     string `json:"image"`
}

// seen is what the test compares: the statuses of both deletions, and what was there in between.
type seen struct {
	Held    int  `json:"held"`
	Free    bool `json:"free"`
	Records int  `json:"records"`
	Gone    int  `json:"gone"`
	Same    bool `json:"same"`
}

// must ends the program with the error of an SDK, if there is one.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	var known given
	if err := json.Unmarshal([]byte(os.Args[1]), &known); err != nil {
		log.Fatal(err)
	}
	authenticator := &core.IamAuthenticator{ApiKey: known.Key, URL: known.URL}
	vpc := must(vpcv1.NewVpcV1(&vpcv1.VpcV1Options{Authenticator: authenticator, URL: known.VPC}))
	catalogs := must(catalogmanagementv1.NewCatalogManagementV1(
		&catalogmanagementv1.CatalogManagementV1Options{Authenticator: authenticator, URL: known.Catalog}))
	controller := must(resourcecontrollerv2.NewResourceControllerV2(
		&resourcecontrollerv2.ResourceControllerV2Options{Authenticator: authenticator, URL: known.URL}))

	if _, err := catalogs.DeleteCatalog(catalogs.NewDeleteCatalogOptions(known.CatalogID)); err != nil {
		log.Fatal(err)
	}
	held, err := vpc.DeleteImage(vpc.NewDeleteImageOptions(known.Image))
	if err == nil || held == nil {
		log.Fatalf("the image of a deleted catalog was not refused: %v, %v", held, err)
	}
	before := must(authenticator.GetToken())
	fmt.Println("deleted")

	must(bufio.NewReader(os.Stdin).ReadString('\n'))
	image, _, err := vpc.GetImage(vpc.NewGetImageOptions(known.Image))
	must(image, err)
	reclamations, _, err := controller.ListReclamations(controller.NewListReclamationsOptions())
	must(reclamations, err)
	gone := must(vpc.DeleteImage(vpc.NewDeleteImageOptions(known.Image)))
	answer := seen{
		Held:    held.StatusCode,
		Free:    !*image.CatalogOffering.Managed,
		Records: len(reclamations.Resources),
		Gone:    gone.StatusCode,
		Same:    must(authenticator.GetToken()) == before,
	}
	fmt.Println(string(must(json.Marshal(answer))))
}
