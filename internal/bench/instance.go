package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"strongroom"
	"strongroom/internal/app"
	"strongroom/internal/db"
	"strongroom/internal/web"
)

// instance is a whole instance of the product, as `strongroom init` makes it.
type instance struct {
	dir, key, store string
	certificate     string // what a client trusts
}

// instance makes an instance and brings b.cold orders in through its door.
func (b *bench) instance(ctx context.Context) (*instance, error) {
	if b.made != nil {
		return b.made, nil
	}
	root, err := b.at.folder("instance")
	if err != nil {
		return nil, err
	}
	certificates := filepath.Join(root, "tls")
	if err := makeCertificate(certificates); err != nil {
		return nil, err
	}
	const plenty = 1 << 40 // the bench itself must not run out
	c := app.Config{
		Environment: strongroom.Test, Listen: "127.0.0.1:0", TLS: "file",
		Certificate: filepath.Join(certificates, "tls.crt"), CertificateKey: filepath.Join(certificates, "tls.key"),
		Budgets: app.BudgetConfig{RecordsPerHour: plenty, RecordsPerDay: plenty, FieldsPerHour: plenty, FieldsPerDay: plenty},
	}
	if b.at.engine == db.Postgres {
		if c.Database, err = b.at.database(ctx, "instance"); err != nil {
			return nil, err
		}
	}
	made, err := app.Init(ctx, filepath.Join(root, "data"), c, app.FirstOwner{}, nil)
	if err != nil {
		return nil, err
	}
	i := &instance{dir: made.Data, key: made.APIKey, certificate: c.Certificate}
	err = i.serving(ctx, func(d *door) error { return b.stockUp(ctx, i, d) })
	if err == nil {
		b.made = i
	}
	return i, err
}

// serving calls use while the instance serves in this process.
func (i *instance) serving(ctx context.Context, use func(d *door) error) error {
	a, err := app.Open(ctx, app.Options{Dir: i.dir})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(base string) { ready <- base }) }()
	var base string
	select {
	case base = <-ready:
	case err := <-ended:
		return errors.Join(err, errors.New("the instance ended before it was ready"))
	}
	d, err := newDoor(base, i.key, i.store, i.certificate)
	if err == nil {
		err = use(d)
		d.client.CloseIdleConnections()
	}
	stop()
	return errors.Join(err, <-ended)
}

// makeCertificate makes a self-signed certificate in dir.
func makeCertificate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	_, err := web.EnsureCertificate(dir, []string{"localhost", "127.0.0.1"}, time.Now())
	return err
}

// stockUp makes the store and brings orders in, one JSON a line.
func (b *bench) stockUp(ctx context.Context, i *instance, d *door) error {
	text, _, err := d.call(ctx, "POST", "/v1/stores", typeJSON, []byte(`{"name":"Larkspur Lane","platform":"`+shopPlatform+`"}`))
	if err != nil {
		return err
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(text, &made); err != nil {
		return err
	}
	i.store, d.store = made.ID, made.ID
	for left := b.cold; left > 0; {
		orders := b.next(min(left, 20*batchSize))
		left -= len(orders)
		var lines bytes.Buffer
		for _, o := range orders {
			lines.Write(o.body)
			lines.WriteByte('\n')
		}
		if err := d.ingest(ctx, typeNDJSON, lines.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// ids lists up to n records of the instance.
func (d *door) ids(ctx context.Context, n int) ([]string, error) {
	var ids []string
	for cursor := ""; len(ids) < n; {
		text, _, err := d.call(ctx, "GET", "/v1/stores/"+d.store+"/records?kind=orders&limit=200&cursor="+url.QueryEscape(cursor), "", nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Records []struct {
				ID string `json:"id"`
			} `json:"records"`
			Next string `json:"next_cursor"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			ids = append(ids, r.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(ids) == 0 {
		return nil, wrong("the instance lists no records")
	}
	return ids, nil
}
