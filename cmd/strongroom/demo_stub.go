package main
type demoCmd struct{}
func (*demoCmd) Run(*globals) error { return nil }
type simCmd struct{}
func (*simCmd) Run(*globals) error { return nil }
