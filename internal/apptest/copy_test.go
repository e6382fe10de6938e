package apptest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strongroom/internal/apptest"
	"strongroom/internal/db"
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// TestObligation_3_4_1_CopyBeforeErasure takes a copy of everything before an
// erasure and tries to open it as a thief with root key and key folder would.
// While the epoch of the copy lives, it opens: that is the planted negative.
// After one roll that began after the erasure it does not.
func TestObligation_3_4_1_CopyBeforeErasure(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	store := i.AddStore("Copied", "shopify")
	order := apptest.NewOrder(1, start.AddDate(0, 0, -3))
	id := i.Take(store, order)
	kept := i.Take(store, apptest.NewOrder(2, start.AddDate(0, 0, -3)))
	i.Stop()
	data := i.CopyData()
	i.Serve()
	if a := i.Erase(store, id); a.Status != http.StatusOK {
		t.Fatalf("erase: %d %s", a.Status, a.Body)
	}
	if a := i.Call(apptest.Revealing(store, id)); a.Status != http.StatusGone {
		t.Errorf("an erased record answers %d", a.Status)
	}
	i.Stop()
	before := i.CopyKeys()
	i.Serve()
	i.Roll()
	i.Stop()
	after := i.CopyKeys()

	thief, err := data.Steal(t, before)
	if err != nil {
		t.Fatalf("before the roll the copy must open, or this test proves nothing: %v", err)
	}
	if got := thief.Reveal(store, id); string(got) != string(order.JSON()) {
		t.Errorf("before the roll the copy opens as %s", got)
	}
	thief.Stop()
	if thief, err = data.Steal(t, after); err == nil {
		for _, record := range []string{id, kept} {
			if a := thief.Call(apptest.Revealing(store, record)); a.Status < 400 {
				t.Errorf("after the roll the copy still opens: %d", a.Status)
			}
		}
	} else {
		t.Logf("after the roll: %v", err)
	}
	i.Serve()
	if got := i.Reveal(store, kept); string(got) != string(apptest.NewOrder(2, start.AddDate(0, 0, -3)).JSON()) {
		t.Error("the roll lost a record that lives")
	}
}

// TestObligation_3_4_2_CopyOfDataFolderOpensNothing gives a thief everything but
// the keys: nothing, keys of an instance of their own, the key folder without
// the root key. With both it opens: the planted negative.
func TestObligation_3_4_2_CopyOfDataFolderOpensNothing(t *testing.T) {
	i := apptest.Start(t, apptest.Options{At: start})
	store := i.AddStore("Copied", "shopify")
	id := i.Take(store, apptest.NewOrder(1, start.AddDate(0, 0, -3)))
	i.Stop()
	data := i.CopyData()
	own := apptest.Make(t, apptest.Options{Engine: db.SQLite})
	opens := func(keys, root string) bool {
		thief, err := data.Steal(t, keys)
		if err != nil && root == i.Made.RootKeyFile {
			t.Logf("refused: %v", err)
		}
		return err == nil && thief.Call(apptest.Revealing(store, id)).Status < 400
	}
	if !opens(i.CopyKeys(), i.Made.RootKeyFile) {
		t.Error("with all keys the copy must open, or this test proves nothing")
	}
	if opens("", i.Made.RootKeyFile) {
		t.Error("the data folder opens without a key folder")
	}
	if opens(own.CopyKeys(), i.Made.RootKeyFile) {
		t.Error("the data folder opens with the keys of another instance")
	}
	key, err := os.ReadFile(i.Made.RootKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(own.Made.RootKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(i.Made.RootKeyFile, foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	if opens(i.CopyKeys(), "foreign") {
		t.Error("the key folder opens with another root key")
	}
	if opens(own.CopyKeys(), "foreign") {
		t.Error("the data folder opens with key folder and root key of another instance")
	}
	if err := os.WriteFile(i.Made.RootKeyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(i.Keys, "keyring")); err != nil || i.TryServe() == nil {
		t.Error("the instance serves without its keyring")
	}
}
