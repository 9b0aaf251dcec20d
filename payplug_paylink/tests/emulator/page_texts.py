"""The words and the looks of the payment page."""

ENGLISH = {
    "accepted": "Payment accepted",
    "accepted_text": "Thank you. {merchant} has been told of your payment.",
    "aborted": "This payment was cancelled",
    "aborted_text": "{merchant} has withdrawn this request. Nothing was charged.",
    "timeout": "This link has expired",
    "timeout_text": "Nothing was charged. Ask {merchant} for a new link.",
    "back": "Back to {merchant}",
    "cancel": "Cancel and go back",
    "card": "Pay by card",
    "cvv": "Security code",
    "cvv_hint": "3 digits on the back of the card",
    "expiry": "Expiry date",
    "expiry_hint": "MM / YY",
    "footer": "Nobody can really pay here: this is an emulator, for tests.",
    "missing": "Page not found",
    "missing_text": "Check the address of your payment link.",
    "number": "Card number",
    "pay": "Pay {amount}",
    "test": "TEST mode: no money moves.",
    "test_cards": "Cards to try",
    "to": "Payment to",
    "try_again": "You have not been charged. You may try again or use another card.",
    "wrong_number": "Enter the number of the card, 13 to 19 digits.",
    "unknown_number": "This card number is incorrect.",
    "wrong_expiry": "Enter the month and the year, as in 09 / 30.",
    "past_expiry": "This card has expired.",
    "wrong_cvv": "Enter the 3 digits of the security code.",
    "": "accepted",
    "card_declined": "Your bank has declined the card.",
    "insufficient_funds": "The card has insufficient funds.",
    "processing_error": "The card could not be processed.",
    "3ds_declined": "Your bank could not authenticate you.",
    "other": "The payment was refused.",
}
FRENCH = {
    "accepted": "Paiement accepté",
    "accepted_text": "Merci. {merchant} est informé de votre paiement.",
    "aborted": "Ce paiement a été annulé",
    "aborted_text": "{merchant} a retiré cette demande. Rien n’a été débité.",
    "timeout": "Ce lien a expiré",
    "timeout_text": "Rien n’a été débité. Demandez un nouveau lien à {merchant}.",
    "back": "Retour vers {merchant}",
    "cancel": "Annuler et revenir",
    "card": "Payer par carte",
    "cvv": "Cryptogramme",
    "cvv_hint": "3 chiffres au dos de la carte",
    "expiry": "Expiration",
    "expiry_hint": "MM / AA",
    "footer": "Personne ne paie vraiment ici : c’est un émulateur, pour les tests.",
    "missing": "Page introuvable",
    "missing_text": "Vérifiez l’adresse de votre lien de paiement.",
    "number": "Numéro de carte",
    "pay": "Payer {amount}",
    "test": "Mode TEST : aucun argent ne circule.",
    "test_cards": "Cartes à essayer",
    "to": "Paiement à",
    "try_again": "Rien n’a été débité. Réessayez ou utilisez une autre carte.",
    "wrong_number": "Saisissez le numéro de la carte, 13 à 19 chiffres.",
    "unknown_number": "Ce numéro de carte est incorrect.",
    "wrong_expiry": "Saisissez le mois et l’année, comme 09 / 30.",
    "past_expiry": "Cette carte a expiré.",
    "wrong_cvv": "Saisissez les 3 chiffres du cryptogramme.",
    "": "acceptée",
    "card_declined": "Votre banque a refusé la carte.",
    "insufficient_funds": "La provision de la carte est insuffisante.",
    "processing_error": "La carte n’a pas pu être traitée.",
    "3ds_declined": "Votre banque n’a pas pu vous authentifier.",
    "other": "Le paiement a été refusé.",
}
TEXTS = {"en": ENGLISH, "fr": FRENCH}

STYLE = """
*{box-sizing:border-box}
body{margin:0;background:#eef1f6;color:#1b2333;line-height:1.45;
 font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
.test{margin:0;padding:.6rem 1rem;background:#ffd666;color:#432f00;text-align:center;
 font-weight:600}
main{max-width:27rem;margin:0 auto;background:#fff;overflow:hidden}
.order{padding:1.5rem 1.5rem 1.25rem;background:#17305e;color:#fff;
 overflow-wrap:anywhere}
.order p{margin:0;color:#cdd9f0}
.order .merchant{margin:0;color:#fff;font-size:1.15rem;font-weight:600}
.order .amount{margin:.9rem 0 .5rem;color:#fff;font-size:2.15rem;font-weight:700;
 line-height:1.1;font-variant-numeric:tabular-nums}
.pay{padding:1.5rem}
h1{margin:0 0 1rem;font-size:1.25rem}
label{display:block;margin:0 0 .3rem;font-weight:600}
.field{margin:0 0 1rem}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem}
input{width:100%;min-height:3rem;padding:.6rem .75rem;border:1px solid #78829a;
 border-radius:.4rem;background:#fff;color:inherit;font:inherit;font-size:1.05rem;
 font-variant-numeric:tabular-nums}
input[aria-invalid]{border:2px solid #b3261e}
:focus-visible{outline:3px solid #7ea6f4;outline-offset:1px}
.hint{margin:.25rem 0 0;color:#56617a;font-size:.875rem}
.wrong{margin:.25rem 0 0;color:#b3261e;font-size:.9rem;font-weight:600}
.refused{margin:0 0 1.25rem;padding:.8rem 1rem;border-left:4px solid #b3261e;
 background:#fdeceb;border-radius:.25rem}
.refused p{margin:0}
button,.button{display:block;width:100%;min-height:3.25rem;padding:.8rem 1rem;border:0;
 border-radius:.4rem;background:#1f6b3a;color:#fff;font:inherit;font-size:1.1rem;
 font-weight:700;text-align:center;text-decoration:none;cursor:pointer}
button:hover,.button:hover{background:#185630}
.tick{width:3rem;margin:0 0 .75rem;border-radius:50%;background:#e2f2e7;
 color:#1f6b3a;font-size:1.6rem;font-weight:700;line-height:3rem;text-align:center}
.cancel{margin:.6rem 0 0;text-align:center}
.cancel a{display:inline-block;padding:.6rem;color:#33415f}
details{margin:1rem 0 0;padding:1rem 0 0;border-top:1px solid #dde2ec;color:#3d475e;
 font-size:.9rem}
summary{cursor:pointer;padding:.25rem 0}
table{width:100%;margin:.5rem 0 0;border-collapse:collapse}
td{padding:.3rem 0;vertical-align:top}
td:first-child{padding-right:.8rem;white-space:nowrap;
 font-variant-numeric:tabular-nums}
footer{max-width:48rem;margin:0 auto;padding:1rem 1.5rem 2rem;color:#56617a;
 font-size:.85rem;text-align:center}
footer p{margin:0}
@media (min-width:30rem){main{margin-top:2rem;border-radius:.75rem;
 box-shadow:0 1px 2px #1b23331a,0 8px 28px #1b23331f}}
@media (min-width:52rem){main{margin-top:4rem}
 main:not(.single){display:grid;grid-template-columns:19rem 1fr;max-width:50rem}
 .order{padding:2.25rem 2rem}.pay{padding:2.25rem}}
"""
