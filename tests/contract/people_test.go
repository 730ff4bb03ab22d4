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

// webhookVisits send what happens to a receiver of their own.
var webhookVisits = []visit{
	{"GET /api/webhooks/events", by(admin, "/api/webhooks/events?type=project", 200), by(nobody, "/api/webhooks/events", 401), ""},
	{"POST /api/webhooks", by(admin, "/api/webhooks", 201, `{"type":"project","project_id":$project,"events":["update:task"],"target_url":"$receiver","content_type":"application/json","is_active":true}`),
		by(admin, "/api/webhooks", 400, `{"type":"project","project_id":$project,"events":["eat:cake"],"target_url":"$receiver"}`), "hook"},
	{"GET /api/webhooks", by(admin, "/api/webhooks?project_id=$project", 200), by(nobody, "/api/webhooks", 401), ""},
	{"GET /api/webhooks/{id}", by(admin, "/api/webhooks/$hook", 200), by(ann, "/api/webhooks/$hook", 403), ""},
	{"PUT /api/webhooks/{id}", by(admin, "/api/webhooks/$hook", 200, `{"type":"project","project_id":$project,"events":["update:task","update:job"],"target_url":"$receiver","is_active":true}`),
		by(admin, "/api/webhooks/$hook", 400, `{"type":"project"}`), ""},
	{"PATCH /api/webhooks/{id}", by(admin, "/api/webhooks/$hook", 200, `{"description":"walked"}`), by(admin, "/api/webhooks/$hook", 400, `{"target_url":"nowhere"}`), ""},
	{"POST /api/webhooks/{id}/ping", by(admin, "/api/webhooks/$hook/ping", 200), by(ann, "/api/webhooks/$hook/ping", 403), "delivery"},
	{"GET /api/webhooks/{id}/deliveries", by(admin, "/api/webhooks/$hook/deliveries", 200), by(ann, "/api/webhooks/$hook/deliveries", 403), ""},
	{"GET /api/webhooks/{id}/deliveries/{delivery_id}", by(admin, "/api/webhooks/$hook/deliveries/$delivery", 200), by(admin, "/api/webhooks/$hook/deliveries/99999", 404), ""},
	{"POST /api/webhooks/{id}/deliveries/{delivery_id}/redelivery", by(admin, "/api/webhooks/$hook/deliveries/$delivery/redelivery", 200),
		by(ann, "/api/webhooks/$hook/deliveries/$delivery/redelivery", 403), ""},
	{"DELETE /api/webhooks/{id}", by(admin, "/api/webhooks/$hook", 204), by(ann, "/api/webhooks/$hook", 403), ""},
}
