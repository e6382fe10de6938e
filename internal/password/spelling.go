package password

// schemes is how many ways of transliteration are tried, each one consistently
// for a whole text. Spellings that mix them are met by the rule against any three
// letters of a name.
const schemes = 3

// spellings gives folded letters in Latin, one for each scheme; the last one
// serves for those that follow. For Latin letters the first scheme drops what is
// foreign and the second writes it with two letters, as German and the Nordic
// languages do. For Cyrillic and Greek the first is near English, the second near
// passports, the third near the scholarly one. The values are never changed.
var spellings = map[rune][]string{
	// Latin
	'ä': {"a", "ae"}, 'ö': {"o", "oe"}, 'ü': {"u", "ue"}, 'å': {"a", "aa"},
	'ø': {"o", "oe"}, 'æ': {"ae", "a"}, 'œ': {"oe", "o"}, 'ß': {"ss", "s"},
	'þ': {"th", "t"}, 'ð': {"d", "dh"}, 'đ': {"d", "dj"}, 'ł': {"l"}, 'ħ': {"h"},
	'ı': {"i"}, 'ŋ': {"n", "ng"}, 'ñ': {"n", "ny"}, 'ŧ': {"t"}, 'ə': {"e", "a"},
	'ĳ': {"ij"}, 'ɓ': {"b"}, 'ɗ': {"d"}, 'ƙ': {"k"}, 'ǝ': {"e"}, 'ơ': {"o"}, 'ư': {"u"},

	// Cyrillic
	'а': {"a"}, 'б': {"b"}, 'в': {"v", "v", "w"}, 'г': {"g", "h", "gh"}, 'д': {"d"},
	'е': {"e", "ye", "je"}, 'ё': {"yo", "e", "jo"}, 'ж': {"zh", "j", "z"}, 'з': {"z"},
	'и': {"i", "y"}, 'й': {"y", "i", "j"}, 'к': {"k"}, 'л': {"l"}, 'м': {"m"}, 'н': {"n"},
	'о': {"o"}, 'п': {"p"}, 'р': {"r"}, 'с': {"s"}, 'т': {"t"}, 'у': {"u", "ou", "u"},
	'ф': {"f"}, 'х': {"kh", "h", "ch"}, 'ц': {"ts", "tz", "c"}, 'ч': {"ch", "tch", "c"},
	'ш': {"sh", "sch", "s"}, 'щ': {"shch", "sch", "sc"}, 'ъ': {"", "ie", ""}, 'ы': {"y", "i", "y"},
	'ь': {""}, 'э': {"e"}, 'ю': {"yu", "iu", "ju"}, 'я': {"ya", "ia", "ja"},
	'і': {"i"}, 'ї': {"yi", "i", "ji"}, 'є': {"ye", "ie", "je"}, 'ґ': {"g"}, 'ў': {"u", "w"},
	'ђ': {"dj", "d"}, 'ј': {"j"}, 'љ': {"lj"}, 'њ': {"nj"}, 'ћ': {"c", "tj"}, 'џ': {"dz", "dj"},
	'ѓ': {"gj"}, 'ќ': {"kj"}, 'ѕ': {"dz"}, 'ә': {"a"}, 'ғ': {"g", "gh"}, 'қ': {"k", "q"},
	'ң': {"n", "ng"}, 'ө': {"o"}, 'ұ': {"u"}, 'ү': {"u"}, 'һ': {"h"},

	// Greek
	'α': {"a"}, 'β': {"v", "b"}, 'γ': {"g", "gh", "y"}, 'δ': {"d", "dh"}, 'ε': {"e"}, 'ζ': {"z"},
	'η': {"i", "e"}, 'θ': {"th"}, 'ι': {"i"}, 'κ': {"k", "c"}, 'λ': {"l"}, 'μ': {"m"}, 'ν': {"n"},
	'ξ': {"x", "ks"}, 'ο': {"o"}, 'π': {"p"}, 'ρ': {"r", "rh"}, 'σ': {"s"}, 'τ': {"t"},
	'υ': {"y", "u"}, 'φ': {"f", "ph"}, 'χ': {"ch", "h", "kh"}, 'ψ': {"ps"}, 'ω': {"o"},
}
