package people

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"strongroom"
)

const maxPersonName = 200 // bytes; ours

// RefuseShared refuses a name or an address that looks as if several people, or
// nobody, stood behind it (DPP 2.2.4, 2.2.5). The heuristics are ours:
//
//   - a name has letters, no digits, and no sign that joins two names;
//   - no word of it is one of a role, in twelve languages. Words that are family
//     names as well, such as Sales or Guest, count only when nothing else is there;
//   - the part before the @ is not the name of a role or a list, nor made of such.
//
// vouched lifts the rule about words in the name, for people who are really
// called so: who asks and who approves say it. A mailbox cannot be vouched for. No
// message repeats the name or the address.
func RefuseShared(name, email string, vouched bool) error {
	if err := refuseName(name, vouched); err != nil {
		return err
	}
	return refuseMailbox(email)
}

func refuseName(name string, vouched bool) error {
	bad := func(what string) *strongroom.Fault {
		return strongroom.Faultf(strongroom.Invalid, "shared-name", "the name %s", what).
			Advise("each person gets an account of their own, under their own full name")
	}
	if strings.TrimSpace(name) != name || name == "" || len(name) > maxPersonName {
		return bad("must have 1 to 200 bytes and no space at its ends")
	}
	letters, before := false, rune(0)
	for _, r := range name {
		switch {
		case unicode.IsLetter(r):
			letters = true
		case unicode.IsDigit(r) || unicode.Is(unicode.No, r):
			return bad("holds a digit, as numbered accounts do")
		case strings.ContainsRune("&+/;|@＆＋／", r):
			return bad("holds a sign that joins names or is an address")
		case strings.ContainsRune("<>＜＞", r):
			return bad("holds an angle bracket")
		case !unicode.IsGraphic(r) && !joins(before, r):
			return bad("holds a character that is not for display")
		}
		before = r
	}
	if !letters {
		return bad("holds no letter")
	}
	words := wordsOf(name)
	if slices.ContainsFunc(words, func(w string) bool { return w == "and" || w == "und" }) {
		return bad("joins several people")
	}
	if vouched {
		return nil
	}
	if isRole(words) || slices.Contains(roles, strings.Join(words, "")) {
		return bad("is that of a role or a group").Advise(
			"enter the person's own name; if it is their own name, say so and have the request vouch for it")
	}
	return nil
}

// joins reports whether a character without a shape of its own belongs into a name: the
// two joiners do, after a letter of a script that is written with them. All other
// format characters, those of direction above all, only make a name look like another.
func joins(before, r rune) bool {
	return (r == '\u200c' || r == '\u200d') && (unicode.IsLetter(before) || unicode.IsMark(before)) &&
		!unicode.In(before, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Inherited)
}

func refuseMailbox(email string) error {
	if _, err := foldMail(email); err != nil {
		return err
	}
	local := email[:strings.LastIndexByte(email, '@')]
	if head, _, ok := strings.Cut(local, "+"); ok && head != "" {
		local = head
	}
	words := wordsOf(local)
	if len(words) == 0 {
		return strongroom.Faultf(strongroom.Invalid, "shared-mailbox", "the address is a number").
			Advise("use the person's own address")
	}
	if isRole(words) || isRole([]string{strings.Join(words, "")}) {
		return strongroom.Faultf(strongroom.Invalid, "shared-mailbox", "the address looks like a mailbox of a role or a group").
			Advise("use the person's own address, which nobody else reads")
	}
	return nil
}

// isRole reports whether words name a role: one that nobody is called is among
// them, or there is nothing but such and those some people are called.
func isRole(words []string) bool {
	if len(words) == 0 {
		return false
	}
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(roles, w) }) {
		return true
	}
	return !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(roleNames, w) })
}

// wordsOf splits text into words of letters, folded and without accents.
func wordsOf(text string) []string {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsMark(r) && !unicode.In(r, unicode.Hiragana, unicode.Katakana) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(cases.Fold().String(text)))
	return strings.FieldsFunc(norm.NFKC.String(plain), func(r rune) bool { return !unicode.IsLetter(r) })
}

// roles are words that no person we know of is called: English, then German,
// French, Spanish and Portuguese, Italian, Dutch, the north, Polish and Czech,
// Turkish, Russian, Japanese, Chinese.
var roles = wordsOf(`
	abuse account accounts admin administration administrator adminstrator anonymous billing bookkeeping contact
	customerservice customercare default department donotreply employee employees enquiries feedback finance
	frontdesk generic group hello helpdesk helpline hostmaster info information inquiries intern itsupport
	logistics mailbox mailerdaemon management noreply office operations placeholder postmaster procurement purchasing
	reception returns sample security shared shipping support sysadmin team testuser trainee unknown user username
	users warehouse webmaster workshop
	abteilung allgemein anfrage anfragen auskunft bestellung bestellungen buchhaltung buero büro einkauf empfang geschaeftsfuehrung geschäftsführung
	kontakt kundendienst kundenservice mitarbeiter personalabteilung sekretariat verkauf versand vertrieb verwaltung zentrale
	accueil comptabilite comptable equipe entrepot facturation informatique partage secretariat stagiaire utilisateur ventes
	administracion administracao almacen atendimento atencion comercial compartida compras contabilidad contabilidade contacto
	contato equipo equipa equipe facturacion financeiro logistica pedidos prueba soporte suporte usuario ventas vendas
	amministrazione acquisti assistenza condiviso contabilita fatturazione magazzino ordini segreteria spedizioni ufficio utente vendite
	administratie afdeling bestellingen boekhouding gebruiker inkoop klantenservice magazijn receptie verkoop verzending
	anvandare bruger bruker ekonomi faktura forsaljning kundeservice kundservice kundtjanst lagret okonomi ordre salg
	biuro dzial ksiegowosc magazyn obsluga sprzedaz uzytkownik zamowienia fakturace objednavky obchod podpora sklad ucetni uzivatel
	destek kullanici muhasebe musterihizmetleri satis siparis yonetici
	администратор бухгалтерия заказы инфо команда отдел пользователь поддержка продажи склад тест
	サポート チーム テスト ユーザー 共有 営業 営業部 総務 経理 管理者 担当者 受付
	客服 客服部 管理员 管理員 销售部 銷售部 财务 財務 财务部 团队 團隊 测试 測試 用户 用戶 共享 共用 办公室 辦公室`)

// roleNames are words of roles that some people are called as well: they count
// only where every word is one.
var roleNames = wordsOf(`
	accounting agent all archive audit bot business cash clerk client company daemon data demo desk director do doe driver
	dummy everyone example external front general guest help hr internal invoice invoices it jobs legal list mail manager
	marketing master media news newsletter no nobody not online order orders page personal post press private public reply root
	sales self server service services shop staff stock store student system tech temp temporary test tester the web work worker
	aushilfe bestell chef direktion gast kasse kunde kunden lager leitung praktikant service technik
	caisse client commande commandes direction essai invite service test ventes vente
	caja cliente direccion invitado pedido prueba teste venda venta
	cassa direzione ospite prova
	balie gast kassa klant order
	chef gast kassa kund kunde
	kasa klient szef
	misafir siparis
	касса гость`)
