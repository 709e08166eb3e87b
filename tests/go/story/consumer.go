package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/IBM/vpc-go-sdk/vpcv1"
)

// nowhere is an image that no account has.
const nowhere = "r006-00000000-0000-4000-8000-000000000000"

func (caller *caller) accept(source string) error {
	api := caller.catalogs
	_, _, err := api.UpdateShareApprovalListAsSource(
		api.NewUpdateShareApprovalListAsSourceOptions("offering", "approved", []string{"-acct-" + source}))
	return err
}

func (caller *caller) sees(offering string) error {
	api := caller.catalogs
	found, _, err := api.GetConsumptionOfferings(api.NewGetConsumptionOfferingsOptions().SetSelect("private"))
	if err != nil {
		return err
	}
	for _, one := range found.Resources {
		if *one.ID == offering {
			return nil
		}
	}
	return errors.New("the offering is not listed")
}

// home is where an account's instances go: the first subnet, and the first key.
func (caller *caller) home() (*vpcv1.Subnet, []vpcv1.KeyIdentityIntf, error) {
	subnets, _, err := caller.vpc.ListSubnets(caller.vpc.NewListSubnetsOptions())
	if err != nil {
		return nil, nil, err
	}
	keys, _, err := caller.vpc.ListKeys(caller.vpc.NewListKeysOptions())
	if err != nil {
		return nil, nil, err
	}
	if len(subnets.Subnets) == 0 || len(keys.Keys) == 0 {
		return nil, nil, errors.New("the account has no subnet or no key")
	}
	return &subnets.Subnets[0], []vpcv1.KeyIdentityIntf{&vpcv1.KeyIdentityByID{ID: keys.Keys[0].ID}}, nil
}

// boot creates an instance by the CRN of a version.
func (caller *caller) boot(version string) (*vpcv1.Instance, *core.DetailedResponse, error) {
	subnet, keys, err := caller.home()
	if err != nil {
		return nil, nil, err
	}
	return caller.vpc.CreateInstance(caller.vpc.NewCreateInstanceOptions(
		&vpcv1.InstancePrototypeInstanceByCatalogOfferingInstanceByCatalogOfferingInstanceByNetworkInterface{
			Name: core.StringPtr("borrowed"),
			CatalogOffering: &vpcv1.InstanceCatalogOfferingPrototypeCatalogOfferingByVersion{
				Version: &vpcv1.CatalogOfferingVersionIdentityCatalogOfferingVersionByCRN{CRN: &version},
			},
			Zone:                    &vpcv1.ZoneIdentityByName{Name: subnet.Zone.Name},
			Profile:                 &vpcv1.InstanceProfileIdentityByName{Name: core.StringPtr("bx2-2x8")},
			VPC:                     &vpcv1.VPCIdentityByID{ID: subnet.VPC.ID},
			Keys:                    keys,
			PrimaryNetworkInterface: &vpcv1.NetworkInterfacePrototype{Subnet: &vpcv1.SubnetIdentityByID{ID: subnet.ID}},
		}))
}

func (caller *caller) bootsAndShows(work *publication) (err error) {
	if caller.instance, _, err = caller.boot(work.version); err != nil {
		return err
	}
	return eventually("the boot", func() (bool, error) {
		found, _, err := caller.vpc.GetInstance(caller.vpc.NewGetInstanceOptions(*caller.instance.ID))
		if err != nil {
			return false, err
		}
		if *found.Status == vpcv1.InstanceStatusFailedConst {
			return false, fmt.Errorf("the instance failed: %v", found.StatusReasons)
		}
		if *found.Status != vpcv1.InstanceStatusRunningConst {
			return false, nil
		}
		return true, caller.stillShows(work)
	})
}

// stillShows is an error unless the instance runs, and shows the whole reference to an image of another account.
func (caller *caller) stillShows(work *publication) error {
	found, _, err := caller.vpc.GetInstance(caller.vpc.NewGetInstanceOptions(*caller.instance.ID))
	if err != nil {
		return err
	}
	image, wanted := found.Image, work.image
	same := *image.ID == *wanted.ID && *image.CRN == *wanted.CRN && *image.Href == *wanted.Href && *image.Name == *wanted.Name
	if !same || *found.Status != vpcv1.InstanceStatusRunningConst {
		return fmt.Errorf("the instance is %s and shows %v", *found.Status, image)
	}
	return expect(*found.CatalogOffering.Version.CRN == work.version, "it shows another version")
}

// lookUp is an error unless the foreign image is refused in each operation exactly as one that does not exist.
func (caller *caller) lookUp(work *publication) error {
	api := caller.vpc
	operations := map[string]func(string) (*core.DetailedResponse, error){
		"GetImage": func(id string) (*core.DetailedResponse, error) {
			_, response, err := api.GetImage(api.NewGetImageOptions(id))
			return response, err
		},
		"UpdateImage": func(id string) (*core.DetailedResponse, error) {
			_, response, err := api.UpdateImage(api.NewUpdateImageOptions(id, map[string]any{"name": "mine"}))
			return response, err
		},
		"DeleteImage": func(id string) (*core.DetailedResponse, error) {
			return api.DeleteImage(api.NewDeleteImageOptions(id))
		},
	}
	for name, call := range operations {
		if err := alike(call, *work.image.ID, nowhere); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// alike is an error unless a call is refused with 404 in the same words for what is masked and for what is absent.
func alike(call func(string) (*core.DetailedResponse, error), masked, absent string) error {
	one, err := refused(call(masked))
	if err != nil {
		return err
	}
	other, err := refused(call(absent))
	if err != nil {
		return err
	}
	return expect(one == other && one.status == 404, "masked is %v, absent is %v", one, other)
}

// bootByImage tries each way in which a prototype can name an image.
func (caller *caller) bootByImage(work *publication) error {
	subnet, keys, err := caller.home()
	if err != nil {
		return err
	}
	named := map[string]func(string) vpcv1.ImageIdentityIntf{
		*work.image.ID:   func(id string) vpcv1.ImageIdentityIntf { return &vpcv1.ImageIdentityByID{ID: &id} },
		*work.image.CRN:  func(crn string) vpcv1.ImageIdentityIntf { return &vpcv1.ImageIdentityByCRN{CRN: &crn} },
		*work.image.Href: func(href string) vpcv1.ImageIdentityIntf { return &vpcv1.ImageIdentityByHref{Href: &href} },
	}
	for masked, identity := range named {
		create := func(image string) (*core.DetailedResponse, error) {
			_, response, err := caller.vpc.CreateInstance(caller.vpc.NewCreateInstanceOptions(
				&vpcv1.InstancePrototypeInstanceByImageInstanceByImageInstanceByNetworkInterface{
					Name:    core.StringPtr("direct"),
					Image:   identity(image),
					Zone:    &vpcv1.ZoneIdentityByName{Name: subnet.Zone.Name},
					Profile: &vpcv1.InstanceProfileIdentityByName{Name: core.StringPtr("bx2-2x8")},
					VPC:     &vpcv1.VPCIdentityByID{ID: subnet.VPC.ID},
					Keys:    keys,
					PrimaryNetworkInterface: &vpcv1.NetworkInterfacePrototype{
						Subnet: &vpcv1.SubnetIdentityByID{ID: subnet.ID},
					},
				}))
			return response, err
		}
		if err := alike(create, masked, strings.Replace(masked, *work.image.ID, nowhere, 1)); err != nil {
			return fmt.Errorf("%s: %w", masked, err)
		}
	}
	return nil
}

// byName finds nothing of the name, and then the account's own image of the same name.
func (caller *caller) byName(work *publication, file string) error {
	api := caller.vpc
	found, _, err := api.ListImages(api.NewListImagesOptions().SetName(*work.image.Name))
	if err != nil {
		return err
	}
	if len(found.Images) != 0 {
		return fmt.Errorf("the name finds %d images", len(found.Images))
	}
	own, err := caller.importImage(*work.image.Name, file)
	if err != nil {
		return err
	}
	if found, _, err = api.ListImages(api.NewListImagesOptions().SetName(*work.image.Name)); err != nil {
		return err
	}
	return expect(len(found.Images) == 1 && *found.Images[0].ID == *own.ID, "the name finds %v", found.Images)
}
