package contract_test

// The operations of class people, in an order in which each finds what it needs.

var organizationVisits = []visit{
	{"POST /api/organizations", by(admin, "/api/organizations", 201, `{"slug":"acme","name":"Acme","contact":{"email":"a@example.org"}}`),
		by(admin, "/api/organizations", 400, `{"slug":"no such slug"}`), "org"},
	{"GET /api/organizations", by(admin, "/api/organizations?sort=slug", 200), by(nobody, "/api/organizations", 401), ""},
	{"GET /api/organizations/{id}", by(admin, "/api/organizations/$org", 200), by(ann, "/api/organizations/$org", 403), ""},
	{"PATCH /api/organizations/{id}", by(admin, "/api/organizations/$org", 200, `{"name":"Acme & Co"}`),
		by(ann, "/api/organizations/$org", 403, `{"name":"Ann's"}`), ""},

	{"POST /api/invitations", by(admin, "/api/invitations?org_id=$org", 201, `{"role":"worker","email":"ann@example.org"}`),
		by(admin, "/api/invitations?org_id=$org", 400, `{"role":"king","email":"ann@example.org"}`), "invitation"},
	{"GET /api/invitations", by(admin, "/api/invitations?org_id=$org", 200), by(nobody, "/api/invitations", 401), ""},
	{"GET /api/invitations/{key}", by(ann, "/api/invitations/$invitation", 200), by(admin, "/api/invitations/nosuchkey", 404), ""},
	{"PATCH /api/invitations/{key}", by(admin, "/api/invitations/$invitation", 200, `{"role":"supervisor"}`),
		by(ann, "/api/invitations/$invitation", 403, `{"role":"owner"}`), ""},
	{"POST /api/invitations/{key}/resend", by(admin, "/api/invitations/$invitation/resend", 204), by(ann, "/api/invitations/$invitation/resend", 403), ""},
	{"POST /api/invitations/{key}/accept", by(ann, "/api/invitations/$invitation/accept", 200), by(nobody, "/api/invitations/$invitation/accept", 401), ""},

	{"GET /api/memberships", by(admin, "/api/memberships?org_id=$org&user=ann", 200), by(nobody, "/api/memberships", 401), "membership"},
	{"GET /api/memberships/{id}", by(admin, "/api/memberships/$membership", 200), by(admin, "/api/memberships/99999", 404), ""},
	{"PATCH /api/memberships/{id}", by(admin, "/api/memberships/$membership", 200, `{"role":"maintainer"}`),
		by(admin, "/api/memberships/$membership", 400, `{"role":"king"}`), ""},

	{"DELETE /api/memberships/{id}", by(admin, "/api/memberships/$membership", 204), by(bob, "/api/memberships/$membership", 403), ""},
	{"POST /api/invitations", by(admin, "/api/invitations?org_id=$org", 201, `{"role":"worker","email":"ann@example.org"}`),
		by(bob, "/api/invitations?org_id=$org", 403, `{"role":"owner","email":"bob@example.org"}`), "second"},
	{"POST /api/invitations/{key}/decline", by(ann, "/api/invitations/$second/decline", 204), by(bob, "/api/invitations/$second/decline", 403), ""},
	{"POST /api/invitations", by(admin, "/api/invitations?org_id=$org", 201, `{"role":"worker","email":"ann@example.org"}`),
		by(admin, "/api/invitations", 400, `{"role":"worker","email":"ann@example.org"}`), "third"},
	{"DELETE /api/invitations/{key}", by(admin, "/api/invitations/$third", 204), by(bob, "/api/invitations/$third", 403), ""},
	{"DELETE /api/organizations/{id}", by(admin, "/api/organizations/$org", 204), by(ann, "/api/organizations/$org", 403), ""},
}
