package main

import (
	"fmt"
	"net/http"
)

type deviceCmd struct {
	Add    deviceAddCmd    `cmd:"" help:"Enter a device for a person; the code by which it brings its key is shown once."`
	Enrol  deviceEnrolCmd  `cmd:"" help:"Make the key of this device and bring it with a code; every command then proves it."`
	List   deviceListCmd   `cmd:"" help:"List devices."`
	Revoke deviceRevokeCmd `cmd:"" help:"Take a device out of the register for good."`
}

type deviceView struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Kind    string `json:"kind"`
	Owner   string `json:"owner"`
	Posture string `json:"posture"`
	Proof   string `json:"proof"`
	Expires string `json:"expires_at"`
	Revoked string `json:"revoked_at"`
	Code    string `json:"code"`
}

type deviceAddCmd struct {
	instance
	scripted
	Label   string `arg:"" help:"Tells devices apart, such as the number on the sticker."`
	Owner   string `required:"" help:"Id of the person who uses it."`
	Kind    string `default:"laptop" enum:"laptop,desktop,phone,tablet,server,virtual" help:"laptop, desktop, phone, tablet, server or virtual."`
	Managed bool   `help:"The organisation manages it: personal data may be shown on it."`
}

func (d *deviceAddCmd) Run(g *globals) error {
	posture := "unmanaged"
	if d.Managed {
		posture = "managed"
	}
	in := map[string]string{"label": d.Label, "owner": d.Owner, "kind": d.Kind, "posture": posture}
	return act(&d.instance, g, d.scripted, http.MethodPost, "/v1/devices", nil, in, func(x deviceView) error {
		fmt.Fprintln(g.out, x.Code)
		fmt.Fprintf(g.errs, "%s; the code above is shown once, type it on the device: strongroom device enrol\n", x.ID)
		return nil
	})
}

type deviceEnrolCmd struct {
	instance
	scripted
}

func (d *deviceEnrolCmd) Run(g *globals) error {
	code, err := readSecret(g, "Code of the device")
	if err != nil {
		return err
	}
	return d.with(g, func(c *client) error {
		if c.device, err = c.state.newDeviceKey(); err != nil {
			return err
		}
		var x deviceView
		if err := c.call(g.ctx, http.MethodPost, "/v1/devices/prove", nil, map[string]string{"code": code}, &x); err != nil {
			return err
		}
		if d.JSON {
			return printJSON(g.out, x)
		}
		fmt.Fprintf(g.out, "%s, %s; sign in again, so that the session is of this device\n", x.ID, x.Posture)
		return nil
	})
}

type deviceListCmd struct {
	instance
	scripted
	Owner string `help:"Id of the person; default: all."`
}

func (d *deviceListCmd) Run(g *globals) error {
	return list(&d.instance, g, d.scripted, "/v1/devices", "devices", queryOf("owner", d.Owner), "ID\tLABEL\tKIND\tOWNER\tPOSTURE\tPROOF\tENDS\tREVOKED",
		func(x deviceView) []string {
			return []string{x.ID, x.Label, x.Kind, x.Owner, x.Posture, x.Proof, x.Expires, x.Revoked}
		})
}

type deviceRevokeCmd struct {
	instance
	Device string `arg:"" help:"Id of the device."`
}

func (d *deviceRevokeCmd) Run(g *globals) error {
	return d.tell(g, http.MethodDelete, "/v1/devices/"+escape(d.Device), nil)
}
