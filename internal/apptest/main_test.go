package apptest_test

import (
	"os"
	"testing"

	"strongroom/internal/apptest"
)

func TestMain(m *testing.M) {
	apptest.ChildMain()
	os.Exit(m.Run())
}
