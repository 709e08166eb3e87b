package main

import (
	"errors"
	"fmt"

	"github.com/IBM/go-sdk-core/v5/core"
	"github.com/IBM/platform-services-go-sdk/catalogmanagementv1"
	"github.com/IBM/platform-services-go-sdk/enterprisemanagementv1"
	"github.com/IBM/vpc-go-sdk/vpcv1"
)

const imageName = "golden"

// publication is an image on its way through a catalog.
type publication struct {
	owner, root       *caller
	image             *vpcv1.Image
	catalog, offering string
	locator, version  string
	enterprise        *enterprisemanagementv1.Enterprise
}

func (caller *caller) importImage(name, file string) (*vpcv1.Image, error) {
	made, _, err := caller.vpc.CreateImage(caller.vpc.NewCreateImageOptions(&vpcv1.ImagePrototypeImageByFile{
		Name:            core.StringPtr(name),
		File:            &vpcv1.ImageFilePrototype{Href: core.StringPtr(file)},
		OperatingSystem: &vpcv1.OperatingSystemIdentityByName{Name: core.StringPtr("debian-12-amd64")},
	}))
	if err != nil {
		return nil, err
	}
	err = eventually("the import", func() (bool, error) {
		made, _, err = caller.vpc.GetImage(caller.vpc.NewGetImageOptions(*made.ID))
		if err == nil && *made.Status == vpcv1.ImageStatusFailedConst {
			err = fmt.Errorf("failed: %v", made.StatusReasons)
		}
		return err == nil && *made.Status == vpcv1.ImageStatusAvailableConst, err
	})
	return made, err
}

func (work *publication) importImage(file string) (err error) {
	work.image, err = work.owner.importImage(imageName, file)
	return err
}

func (work *publication) createVersion() error {
	api, image := work.owner.catalogs, work.image
	catalog, _, err := api.CreateCatalog(api.NewCreateCatalogOptions().SetLabel("Golden images"))
	if err != nil {
		return err
	}
	offering, _, err := api.CreateOffering(api.NewCreateOfferingOptions(*catalog.ID).SetName("golden").SetLabel("Golden"))
	if err != nil {
		return err
	}
	work.catalog, work.offering = *catalog.ID, *offering.ID
	made, _, err := api.ImportOfferingVersion(api.NewImportOfferingVersionOptions(work.catalog, work.offering).
		SetVersion("1.0.0").SetTargetKinds([]string{"vpc-x86"}).SetInstallKind("instance").SetFormatKind("vsi-image").
		SetSha(*image.File.Checksums.Sha256).
		SetMetadata(&catalogmanagementv1.ImportOfferingBodyMetadata{
			File:                   &catalogmanagementv1.ImportOfferingBodyMetadataFile{Size: image.File.Size},
			MinimumProvisionedSize: image.MinimumProvisionedSize,
			Images: []catalogmanagementv1.ImportOfferingBodyMetadataImagesItem{
				{ID: image.ID, Name: image.Name, Region: core.StringPtr("us-south")},
			},
		}))
	if err != nil {
		return err
	}
	version := made.Kinds[0].Versions[0]
	work.locator, work.version = *version.VersionLocator, *version.CRN
	return nil
}

func (work *publication) validate() error {
	api := work.owner.catalogs
	token, err := work.owner.authenticator.RequestToken()
	if err != nil {
		return err
	}
	if _, err := api.ValidateInstall(api.NewValidateInstallOptions(work.locator, token.RefreshToken)); err != nil {
		return err
	}
	return eventually("the validation", func() (bool, error) {
		found, _, err := api.GetValidationStatus(api.NewGetValidationStatusOptions(work.locator, token.RefreshToken))
		if err != nil {
			return false, err
		}
		return *found.State == "valid", expect(*found.State != "invalid", "the version is invalid: %v", found.Message)
	})
}

func (work *publication) publish() error {
	api := work.owner.catalogs
	if _, err := api.ConsumableVersion(api.NewConsumableVersionOptions(work.locator)); err != nil {
		return err
	}
	found, _, err := api.GetVersion(api.NewGetVersionOptions(work.locator))
	if err != nil {
		return err
	}
	state := *found.Kinds[0].Versions[0].State.Current
	return expect(state == "consumable", "the version is %s", state)
}

// share puts identifiers on the access list, and the list into effect.
func (work *publication) share(identifier string) error {
	api := work.owner.catalogs
	_, _, err := api.AddOfferingAccessList(
		api.NewAddOfferingAccessListOptions(work.catalog, work.offering, []string{identifier}))
	if err != nil {
		return err
	}
	shared, _, err := api.ShareOffering(api.NewShareOfferingOptions(work.catalog, work.offering).SetEnabled(true))
	if err != nil {
		return err
	}
	return expect(*shared.Enabled && !*shared.Public, "the setting is %v", shared)
}

func (work *publication) shareWithAccount(id string) error { return work.share("-acct-" + id) }

// shareWithGroup has the root account move an account into a group of its own, which the publisher then shares with.
func (work *publication) shareWithGroup(member string) error {
	api := work.root.enterprises
	found, _, err := api.ListEnterprises(api.NewListEnterprisesOptions())
	if err != nil {
		return err
	}
	if len(found.Resources) != 1 {
		return errors.New("not one enterprise")
	}
	work.enterprise = &found.Resources[0]
	group, _, err := api.CreateAccountGroup(api.NewCreateAccountGroupOptions(
		*work.enterprise.CRN, "Consumers", *work.enterprise.PrimaryContactIamID))
	if err != nil {
		return err
	}
	made, _, err := api.GetAccountGroup(api.NewGetAccountGroupOptions(*group.AccountGroupID))
	if err != nil {
		return err
	}
	if _, err := api.UpdateAccount(api.NewUpdateAccountOptions(member, *made.CRN)); err != nil {
		return err
	}
	return work.share("-entgrp-" + *made.ID)
}

func (work *publication) shareWithEnterprise() error {
	return work.share("-ent-" + *work.enterprise.ID)
}

func (work *publication) deleteImage(status int) error {
	response, err := work.owner.vpc.DeleteImage(work.owner.vpc.NewDeleteImageOptions(*work.image.ID))
	if status < 400 {
		return err
	}
	found, err := refused(response, err)
	if err != nil {
		return err
	}
	return expect(found.status == status, "refused with %v", found)
}

func (work *publication) deleteCatalog() error {
	api := work.owner.catalogs
	_, err := api.DeleteCatalog(api.NewDeleteCatalogOptions(work.catalog))
	if err != nil {
		return err
	}
	return work.reclamations(1)
}

func (work *publication) reclamations(count int) error {
	api := work.owner.controller
	found, _, err := api.ListReclamations(api.NewListReclamationsOptions().SetResourceInstanceID(work.catalog))
	if err != nil {
		return err
	}
	return expect(len(found.Resources) == count, "%d reclamations", len(found.Resources))
}

func (work *publication) isFree() error {
	found, _, err := work.owner.vpc.GetImage(work.owner.vpc.NewGetImageOptions(*work.image.ID))
	if err != nil {
		return err
	}
	if *found.CatalogOffering.Managed {
		return errors.New("the image is still managed")
	}
	return work.reclamations(0)
}
