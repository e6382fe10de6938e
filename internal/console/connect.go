package console

import (
	"context"
	"net/http"
	"slices"

	"strongroom"
	"strongroom/internal/connect"
	"strongroom/internal/web"
)

// Connect is where owners of shops grant access by way of EcartAPI. Safe for concurrent
// use.
type Connect interface {
	// Begin returns the page of an application, which says what is granted.
	Begin(ctx context.Context, app string) (connect.Page, error)
	// Callback takes the query with which the browser comes back, and the cookie that
	// Begin gave it, and connects the store.
	Callback(ctx context.Context, app, rawQuery, cookie string) (connect.Connected, error)
}

// connectCookie says which text was shown to the owner of a shop. The callback comes
// from another site, with which a browser sends it only if it is SameSite=Lax.
const connectCookie = "strongroom-connect"

func connectRoutes() []Route {
	return []Route{
		public("/connect/{app}", connectPage),
		public("/connect/{app}/callback", connectCallback),
		public("/connect/{app}/done", connectDone),
		public("/connect/{app}/refused", connectRefused),
	}
}

// connectPage shows what is granted, and leads on to EcartAPI.
func connectPage(v *visit) error {
	if v.c.o.Connect == nil {
		return noPage()
	}
	if err := v.c.o.Limit(v.from.Source); err != nil {
		return err
	}
	page, err := v.c.o.Connect.Begin(v.ctx, v.r.PathValue("app"))
	if err != nil {
		return err
	}
	k := v.c.cookie(connectCookie, "/")
	k.Value, k.SameSite, k.MaxAge = page.Cookie, http.SameSiteLaxMode, int(connect.ShownLife.Seconds())
	http.SetCookie(v.w, k)
	return v.show("connect", "Connect your shop", page)
}

// connectCallback takes what a browser brings back from EcartAPI in the query. Whatever
// comes of it, the browser is led on to an address without a query, so that no token
// stays in its address or goes anywhere from there; the page there says no more than
// whether it worked.
func connectCallback(v *visit) error {
	app := v.r.PathValue("app")
	if v.c.o.Connect == nil || !strongroom.IsAnyID(app) {
		return noPage()
	}
	cookie := v.cookieOf(connectCookie, "/")
	v.dropCookie(connectCookie, "/")
	err := v.c.o.Limit(v.from.Source)
	if err == nil {
		_, err = v.c.o.Connect.Callback(v.ctx, app, v.r.URL.RawQuery, cookie)
	}
	if err == nil {
		return v.leadTo("/connect/" + app + "/done")
	}
	if web.Status(err) >= http.StatusInternalServerError {
		v.note(err)
	}
	v.c.o.Refused(context.WithoutCancel(v.ctx), v.from.Source, codeOf(err))
	way := "refused"
	switch strongroom.KindOf(err) {
	case strongroom.Unavailable, strongroom.Internal, strongroom.Exhausted:
		way += "?later"
	}
	return v.leadTo("/connect/" + app + "/" + way)
}

func connectDone(v *visit) error {
	return v.show("connected", "Your shop is connected", nil)
}

func connectRefused(v *visit) error {
	v.status = http.StatusForbidden
	_, later := v.r.URL.Query()["later"]
	if later {
		v.status = http.StatusServiceUnavailable
	}
	return v.show("unconnected", "Your shop is not connected", struct {
		Later bool
		Again string
	}{later, againAt(v.r.PathValue("app"))})
}

// againAt is the page of an application to start again at, empty for what names none.
func againAt(app string) string {
	if !strongroom.IsAnyID(app) {
		return ""
	}
	return "/connect/" + app
}

func noPage() error {
	return strongroom.Faultf(strongroom.NotFound, "path", "there is no such page")
}

// owned are the first parts of the paths of pages.
func owned(first string) bool {
	return slices.Contains([]string{"signin", "enrol", "account", "assets", "connect", "documents"}, first)
}
