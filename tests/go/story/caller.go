package main

import (
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/IBM/platform-services-go-sdk/catalogmanagementv1"
	"github.com/IBM/platform-services-go-sdk/enterprisemanagementv1"
	"github.com/IBM/platform-services-go-sdk/resourcecontrollerv2"
	"github.com/IBM/vpc-go-sdk/vpcv1"
)

const (
	patience = 60 * time.Second
	pause    = 50 * time.Millisecond
)

// caller has the clients of one account.
type caller struct {
	authenticator *core.IamAuthenticator
	vpc           *vpcv1.VpcV1
	catalogs      *catalogmanagementv1.CatalogManagementV1
	enterprises   *enterprisemanagementv1.EnterpriseManagementV1
	controller    *resourcecontrollerv2.ResourceControllerV2
	instance      *vpcv1.Instance
}

func newCaller(known given, by account) *caller {
	auth := &core.IamAuthenticator{ApiKey: by.Key, URL: known.URL}
	return &caller{
		authenticator: auth,
		vpc:           must(vpcv1.NewVpcV1(&vpcv1.VpcV1Options{Authenticator: auth, URL: known.VPC})),
		catalogs: must(catalogmanagementv1.NewCatalogManagementV1(
			&catalogmanagementv1.CatalogManagementV1Options{Authenticator: auth, URL: known.Catalog})),
		enterprises: must(enterprisemanagementv1.NewEnterpriseManagementV1(
			&enterprisemanagementv1.EnterpriseManagementV1Options{Authenticator: auth, URL: known.Enterprise})),
		controller: must(resourcecontrollerv2.NewResourceControllerV2(
			&resourcecontrollerv2.ResourceControllerV2Options{Authenticator: auth, URL: known.URL})),
	}
}

// must ends the program with the error of a constructor.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// eventually asks until something is so, fails, or takes too long.
func eventually(what string, check func() (bool, error)) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pause) {
		if done, err := check(); done || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s did not happen within %s", what, patience)
}

// refusal is how a call was refused: the status, and the code and text of the first error.
type refusal struct {
	status        int
	code, message string
}

// refused returns how a call was refused; an error where it was not.
func refused(response *core.DetailedResponse, err error) (refusal, error) {
	var problem *core.HTTPProblem
	if err == nil || response == nil || !errors.As(err, &problem) {
		return refusal{}, fmt.Errorf("not refused: %v, %w", response, err)
	}
	found, _ := response.GetResultAsMap()
	list, _ := found["errors"].([]any)
	if len(list) == 0 {
		return refusal{}, fmt.Errorf("an answer without errors: %v", found)
	}
	first, _ := list[0].(map[string]any)
	return refusal{response.StatusCode, fmt.Sprint(first["code"]), fmt.Sprint(first["message"])}, nil
}

// refuses is an error unless a call was refused with the status for what is absent or masked.
func refuses(_ any, response *core.DetailedResponse, err error) error {
	found, err := refused(response, err)
	if err != nil {
		return err
	}
	return expect(found.status == 404, "refused with %v", found)
}
