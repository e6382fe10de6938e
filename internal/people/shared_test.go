package people_test

import (
	"strings"
	"testing"

	"strongroom/internal/people"
)

// No shared, generic or default account is made (DPP 2.2.4): names and mailboxes
// of roles and groups are refused, and real people are not.
func TestObligation_2_2_4_SharedAccounts(t *testing.T) {
	for _, name := range []string{
		"", " ", "Test User", "User", "Support", "Support Team", "Adam Support", "IT Support", "Shared", "Shared Mailbox",
		"Admin", "System Administrator", "Sales", "Sales Team", "Front Desk", "Reception", "Warehouse 2", "User 17", "Jane Doe 2",
		"Jane & John Doe", "Jane/John Doe", "Jane + John", "Jane and John Doe", "Hans und Grete", "Generic Account", "Default",
		"Guest", "Temp", "Demo", "Customer Service", "Customerservice", "jane@kitchen.example", "Intern", "Intern 3", "٣", "①",
		"Buchhaltung", "Geschäftsführung", "Büro", "Praktikant", "Équipe", "Comptabilité", "Stagiaire", "Administración", "Ventas",
		"Atendimento", "Assistenza", "Magazzino", "Klantenservice", "Kundtjänst", "Księgowość", "Müşteri Hizmetleri", "Muhasebe",
		"Бухгалтерия", "Отдел продаж", "サポート", "営業部", "客服", "管理员", "Jane\nDoe", "Jane ", "ADMIN", "ａｄｍｉｎ", "ad\u00admin",
		strings.Repeat("x", 201),
	} {
		if err := people.RefuseShared(name, janeMail, false); code(err) != "shared-name" {
			t.Errorf("%q was taken: %v", name, err)
		} else if len(name) > 4 && strings.Contains(err.Error(), name) {
			t.Errorf("the fault repeats the name: %v", err)
		}
	}
	for _, name := range []string{
		janeName, liName, "王", "Ng", "Li Na", "Suharto", "O'Brien", "Seán Ó Súilleabháin", "Jean-Luc Picard", "María José García y López",
		"José e Silva", "Martin Luther King", "Steve Jobs", "Joe Root", "Christopher Guest", "Maria Sales", "Robert Service", "Emily Post",
		"Jimmy Page", "Zack Test", "Will Doe", "Anna Bot", "Björk Guðmundsdóttir", "Владимир Тестов", "山田太郎", "محمد علي", "דוד כהן",
		"Nguyễn Văn A", "Dwayne Johnson Jr.", "Ludwig van Beethoven III", "Doe, Jane", "Sara Lager-Lind", "Adele Staff", "Andrea Lund", "Anders Ek",
	} {
		if err := people.RefuseShared(name, janeMail, false); err != nil {
			t.Errorf("%q was refused: %v", name, err)
		}
	}
	for _, mail := range []string{
		"info@kitchen.example", "INFO@kitchen.example", "info+jane@kitchen.example", "admin@x.example", "administrator@x.example",
		"support@x.example", "sales@x.example", "sales.team@x.example", "it-support@x.example", "office@x.example", "noreply@x.example",
		"no-reply@x.example", "no.reply@x.example", "donotreply@x.example", "do-not-reply@x.example", "team@x.example", "team-blue@x.example",
		"hello@x.example", "contact@x.example", "root@x.example", "postmaster@x.example", "test@x.example", "test.user@x.example",
		"user1@x.example", "warehouse2@x.example", "4711@x.example", "buero@x.example", "büro@x.example", "kontakt@x.example",
		"vertrieb@x.example", "accueil@x.example", "ventas@x.example", "atendimento@x.example", "jobs@x.example", "hr@x.example",
		"custom.er+1@x.example,info@x.example",
	} {
		if err := people.RefuseShared(janeName, mail, true); code(err) != "shared-mailbox" && code(err) != "email" {
			t.Errorf("%q was taken: %v", mail, err)
		} else if strings.Contains(err.Error(), mail) {
			t.Errorf("the fault repeats the address: %v", err)
		}
	}
	for _, mail := range []string{
		janeMail, "jd@x.example", "j.d@x.example", "joe.root@x.example", "maria.sales@x.example", "steve.jobs@x.example", "jane2@x.example",
		"o'brien@x.example", "李娜@x.example", "jane@büro.example", "jane.doe+strongroom@x.example", "anna.bot@x.example",
	} {
		if err := people.RefuseShared(janeName, mail, false); err != nil {
			t.Errorf("%q was refused: %v", mail, err)
		}
	}
	for _, mail := range []string{"", "jane", "jane@", "@x.example", "jane@localhost", "Jane <jane@x.example>", "jane@x.example ", "a b@x.example",
		strings.Repeat("a", 250) + "@x.example"} {
		if err := people.RefuseShared(janeName, mail, false); code(err) != "email" {
			t.Errorf("%q was taken: %v", mail, err)
		}
	}
	// A person who is really called so comes in when the request vouches for it, with
	// a mailbox of their own.
	if err := people.RefuseShared("Adam Support", "adam@x.example", true); err != nil {
		t.Errorf("a vouched name was refused: %v", err)
	}
	if err := people.RefuseShared("Adam Support", "support@x.example", true); code(err) != "shared-mailbox" {
		t.Errorf("a shared mailbox was vouched for: %v", err)
	}
	if err := people.RefuseShared("Jane & John", "jane@x.example", true); code(err) != "shared-name" {
		t.Errorf("two people were vouched for: %v", err)
	}
}

// TestNameShowsAsItIs: what would make a name read as another is no part of it, vouched
// for or not. Planted: names that are written with joiners.
func TestNameShowsAsItIs(t *testing.T) {
	for _, name := range []string{
		"Jane \u202eeoD", "Jane\u202d Doe", "\u2066Jane Doe\u2069", "Jane\u200e Doe", "Jane\u200f Doe", "Jane\u061c Doe",
		"Ja\u200bne Doe", "Ja\u200dne Doe", "Jane\ufeff Doe", "Jane\u2060 Doe", "Jane\u00ad Doe", "Jane \U000e0041Doe", "\u200dJane Doe",
		"Jane <Doe>", "Jane <b", "Jane ＜Doe＞", "Jane\u0000 Doe", "Jane\nDoe",
	} {
		for _, vouched := range []bool{false, true} {
			if err := people.RefuseShared(name, janeMail, vouched); code(err) != "shared-name" {
				t.Errorf("%+q was taken: %v", name, err)
			}
		}
	}
	for _, name := range []string{"شاهین\u200cمهر کریمی", "ශ්\u200dරී ලංකා", "क\u094d\u200dषमा राव", "Seán O'Brien", "Anne-Marie d’Arc"} {
		if err := people.RefuseShared(name, janeMail, false); err != nil {
			t.Errorf("%+q was refused: %v", name, err)
		}
	}
}
