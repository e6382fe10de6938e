package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"strongroom/internal/route"
)

type routePresetCmd struct {
	List presetListCmd `cmd:"" help:"List the presets."`
	Show presetShowCmd `cmd:"" help:"Print a preset, to edit and propose."`
}

type presetListCmd struct {
	scripted
}

type presetView struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

func (p *presetListCmd) Run(g *globals) error {
	list := []presetView{}
	for _, one := range route.Presets() {
		list = append(list, presetView{one.Name, one.About})
	}
	if p.JSON {
		return printJSON(g.out, list)
	}
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	for _, v := range list {
		fmt.Fprintf(w, "%s\t%s\n", v.Name, v.About)
	}
	return w.Flush()
}

type presetShowCmd struct {
	Name string `arg:"" help:"Name of a preset, from: strongroom route preset list."`
}

func (p *presetShowCmd) Run(g *globals) error {
	one, err := route.PresetOf(p.Name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(g.out, one.Text)
	return err
}
