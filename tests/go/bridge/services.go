package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sort"
	"strings"

	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/IBM/platform-services-go-sdk/catalogmanagementv1"
	"github.com/IBM/platform-services-go-sdk/enterprisemanagementv1"
	"github.com/IBM/platform-services-go-sdk/globalcatalogv1"
	"github.com/IBM/platform-services-go-sdk/globalsearchv2"
	"github.com/IBM/platform-services-go-sdk/globaltaggingv1"
	"github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	"github.com/IBM/platform-services-go-sdk/iamidentityv1"
	"github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"
	"github.com/IBM/platform-services-go-sdk/resourcecontrollerv2"
	"github.com/IBM/platform-services-go-sdk/resourcemanagerv2"
	"github.com/IBM/platform-services-go-sdk/usermanagementv1"
	"github.com/IBM/vpc-go-sdk/vpcv1"
)

// constructors make a client of a service; each service is a type of its own with a method for each operation.
var constructors = map[string]func(url string, by core.Authenticator) (reflect.Value, error){
	"VpcV1":                  maker(vpcv1.NewVpcV1),
	"CatalogManagementV1":    maker(catalogmanagementv1.NewCatalogManagementV1),
	"EnterpriseManagementV1": maker(enterprisemanagementv1.NewEnterpriseManagementV1),
	"GlobalCatalogV1":        maker(globalcatalogv1.NewGlobalCatalogV1),
	"GlobalSearchV2":         maker(globalsearchv2.NewGlobalSearchV2),
	"GlobalTaggingV1":        maker(globaltaggingv1.NewGlobalTaggingV1),
	"IamAccessGroupsV2":      maker(iamaccessgroupsv2.NewIamAccessGroupsV2),
	"IamIdentityV1":          maker(iamidentityv1.NewIamIdentityV1),
	"IamPolicyManagementV1":  maker(iampolicymanagementv1.NewIamPolicyManagementV1),
	"ResourceControllerV2":   maker(resourcecontrollerv2.NewResourceControllerV2),
	"ResourceManagerV2":      maker(resourcemanagerv2.NewResourceManagerV2),
	"UserManagementV1":       maker(usermanagementv1.NewUserManagementV1),
}

// maker returns what makes a client by the constructor of an SDK, whose options are a type of its own, too.
func maker[Options, Client any](
	construct func(*Options) (*Client, error),
) func(url string, by core.Authenticator) (reflect.Value, error) {
	return func(url string, by core.Authenticator) (reflect.Value, error) {
		options := new(Options)
		fields := reflect.ValueOf(options).Elem()
		fields.FieldByName("URL").SetString(url)
		fields.FieldByName("Authenticator").Set(reflect.ValueOf(by))
		client, err := construct(options)
		return reflect.ValueOf(client), err
	}
}

// service is a client of an SDK, and what it last received.
type service struct {
	client reflect.Value
	tape   *tape
}

// tape keeps the last answer as it came over the wire, before the SDK decodes it.
type tape struct {
	status  int
	headers map[string]string
	body    []byte
}

func (tape *tape) reset() { tape.status, tape.headers, tape.body = 0, nil, nil }

// RoundTrip sends a request and keeps the answer.
func (tape *tape) RoundTrip(asked *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(asked)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if tape.body, err = io.ReadAll(answer.Body); err != nil {
		return nil, err
	}
	tape.status, tape.headers = answer.StatusCode, map[string]string{}
	for name := range answer.Header {
		tape.headers[strings.ToLower(name)] = answer.Header.Get(name)
	}
	answer.Body = io.NopCloser(bytes.NewReader(tape.body))
	return answer, nil
}

var clients = map[[3]string]*service{}

// serviceOf returns the client of a service for a key, the same one each time.
func serviceOf(asked request) (*service, error) {
	known := [3]string{asked.Service, asked.URL, asked.Key}
	if found, ok := clients[known]; ok {
		return found, nil
	}
	construct, ok := constructors[asked.Service]
	if !ok {
		return nil, fmt.Errorf("there is no service %q", asked.Service)
	}
	client, err := construct(asked.URL, &core.IamAuthenticator{ApiKey: asked.Key, URL: asked.IAM})
	if err != nil {
		return nil, err
	}
	made := &service{client: client, tape: &tape{}}
	client.Elem().FieldByName("Service").Interface().(*core.BaseService).SetHTTPClient(&http.Client{Transport: made.tape})
	clients[known] = made
	return made, nil
}

var responseType = reflect.TypeFor[*core.DetailedResponse]()

// isOperation tells operations from the other methods of a client: options in; a model, the response, an error out.
func isOperation(method reflect.Type) bool {
	outputs := method.NumOut()
	return method.NumIn() == 1 && method.In(0).Kind() == reflect.Pointer && outputs >= 2 &&
		method.Out(outputs-2) == responseType
}

// names returns the names of all operations. Those with a context of their own are the same operations.
func (service *service) names() []string {
	found := []string{}
	for at := range service.client.NumMethod() {
		if isOperation(service.client.Method(at).Type()) {
			found = append(found, service.client.Type().Method(at).Name)
		}
	}
	sort.Strings(found)
	return found
}

// operation returns the name of an operation from any spelling: CreateVPC of `create_vpc`.
func (service *service) operation(name string) (string, bool) {
	for _, known := range service.names() {
		if plain(known) == plain(name) {
			return known, true
		}
	}
	return "", false
}

// plain is a name without the ways in which languages write it.
func plain(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}
