// Calls operations of the Go SDKs for a program in another language, and says how their models decode the answers.
//
// Reads a request as JSON from each line of its input, and writes a reply as JSON to a line of its output. So one walk
// drives the SDKs of several languages: what is called and in which order is said once.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"reflect"

	"github.com/IBM/go-sdk-core/v5/core"
)

// request asks for an operation, or for the names of all the operations of a service.
type request struct {
	Service   string                     `json:"service"`
	URL       string                     `json:"url"`
	IAM       string                     `json:"iam"`
	Key       string                     `json:"key"`
	List      bool                       `json:"list"`
	Operation string                     `json:"operation"`
	Arguments map[string]json.RawMessage `json:"arguments"`
	// Anything has the arguments that an operation cannot do without made up.
	Anything bool `json:"anything"`
}

// reply is what came of a request. `Problem` is why there was no call, `Refused` why the SDK sent nothing; `Absent` says
// that it has no such operation; `Unknown` is what its
// request has no field for, `Faults` is where answer and model differ.
type reply struct {
	Operations []string          `json:"operations,omitempty"`
	Operation  string            `json:"operation,omitempty"`
	Status     int               `json:"status,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Body       string            `json:"body,omitempty"`
	Unknown    []string          `json:"unknown,omitempty"`
	Faults     []string          `json:"faults,omitempty"`
	Problem    string            `json:"problem,omitempty"`
	Refused    string            `json:"refused,omitempty"`
	Absent     bool              `json:"absent,omitempty"`
}

func main() {
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(answer(asked)); err != nil {
			log.Fatal(err)
		}
	}
}

func answer(asked request) reply {
	service, err := serviceOf(asked)
	if err != nil {
		return reply{Problem: err.Error()}
	}
	if asked.List {
		return reply{Operations: service.names()}
	}
	name, found := service.operation(asked.Operation)
	if !found {
		return reply{Absent: true}
	}
	method := service.client.MethodByName(name)
	filled := &filling{}
	options := reflect.New(method.Type().In(0).Elem())
	if asked.Anything {
		err = makeUp(options.Elem())
	} else {
		err = filled.options(options.Elem(), asked.Arguments)
	}
	if err != nil {
		return reply{Problem: fmt.Sprintf("%s: %v", name, err)}
	}
	made := service.call(method, options)
	made.Operation, made.Unknown = name, filled.unknown
	return made
}

// call calls an operation, whose outputs are a model, where it has one, the response, and an error.
func (service *service) call(method, options reflect.Value) reply {
	service.tape.reset()
	outputs := method.Call([]reflect.Value{options})
	failure, _ := outputs[len(outputs)-1].Interface().(error)
	response, _ := outputs[len(outputs)-2].Interface().(*core.DetailedResponse)
	if service.tape.status == 0 {
		return reply{Refused: failure.Error()}
	}
	made := reply{Status: service.tape.status, Headers: service.tape.headers, Body: string(service.tape.body)}
	if made.Status >= 400 {
		return made
	}
	if failure != nil {
		made.Faults = append(made.Faults, failure.Error())
	} else if response.StatusCode != made.Status {
		made.Faults = append(made.Faults, fmt.Sprintf("the SDK has status %d", response.StatusCode))
	} else if len(outputs) == 3 {
		made.Faults = compare(outputs[0], service.tape.body)
	} else if body := string(service.tape.body); body != "" && body != "{}" { // which says nothing
		made.Faults = append(made.Faults, "an answer that the SDK has no model for")
	}
	return made
}
