package contract_test

// The operations of class core, in an order in which each finds what it needs.

var serverVisits = []visit{
	{"GET /api/server/about", by(nobody, "/api/server/about", 200), by(nobody, "/api/server/about?x=%ff", 400), ""},
	{"GET /api/server/annotation/formats", by(ann, "/api/server/annotation/formats", 200), by(nobody, "/api/server/annotation/formats", 401), ""},
	{"GET /api/server/plugins", by(ann, "/api/server/plugins", 200), by(nobody, "/api/server/plugins", 401), ""},
	{"GET /api/server/share", by(ann, "/api/server/share?directory=photos", 200), by(ann, "/api/server/share?directory=../..", 400), ""},
	{"GET /api/schema/", by(nobody, "/api/schema/?scheme=json", 200), by(nobody, "/api/schema/?x=%ff", 400), ""},
	{"GET /api/users", by(ann, "/api/users?search=ann&is_active=true", 200), by(nobody, "/api/users", 401), ""},
	{"GET /api/users/self", by(ann, "/api/users/self", 200), by(nobody, "/api/users/self", 401), ""},
	{"GET /api/users/{id}", by(ann, "/api/users/$ann", 200), by(admin, "/api/users/99999", 404), ""},
	{"PATCH /api/users/{id}", by(ann, "/api/users/$ann", 200, `{"first_name":"Ann"}`), by(ann, "/api/users/$ann", 403, `{"is_superuser":true}`), ""},
	{"DELETE /api/users/{id}", by(admin, "/api/users/$eve", 204), by(ann, "/api/users/$eve", 403), ""},
}

var loginVisits = []visit{
	{"POST /api/auth/login", by(nobody, "/api/auth/login", 200, `{"username":"ann","password":"correct-horse-7"}`),
		by(nobody, "/api/auth/login", 400, `{"username":"ann","password":"wrong"}`), ""},
	{"POST /api/auth/logout", by(dan, "/api/auth/logout", 200), by(dan, "/api/auth/logout?x=%ff", 400), ""},
	{"POST /api/auth/password/change",
		by(dan, "/api/auth/password/change", 200, `{"old_password":"correct-horse-7","new_password1":"battery-staple-8","new_password2":"battery-staple-8"}`),
		by(dan, "/api/auth/password/change", 400, `{"old_password":"wrong","new_password1":"battery-staple-8","new_password2":"battery-staple-8"}`), ""},
	{"POST /api/auth/access_tokens", by(ann, "/api/auth/access_tokens", 201, `{"name":"walk","read_only":true}`),
		by(ann, "/api/auth/access_tokens", 400, `{"name":""}`), "token"},
	{"GET /api/auth/access_tokens", by(ann, "/api/auth/access_tokens?name=walk", 200), by(nobody, "/api/auth/access_tokens", 401), ""},
	{"GET /api/auth/access_tokens/self", call{path: "/api/auth/access_tokens/self", token: "$token_value", status: 200},
		by(nobody, "/api/auth/access_tokens/self", 401), ""},
	{"GET /api/auth/access_tokens/{id}", by(ann, "/api/auth/access_tokens/$token", 200), by(ann, "/api/auth/access_tokens/99999", 404), ""},
	{"PATCH /api/auth/access_tokens/{id}", by(ann, "/api/auth/access_tokens/$token", 200, `{"name":"walked"}`),
		by(ann, "/api/auth/access_tokens/$token", 400, `{"expiry_date":"soon"}`), ""},
	{"DELETE /api/auth/access_tokens/{id}", by(ann, "/api/auth/access_tokens/$token", 204), by(ann, "/api/auth/access_tokens/99999", 404), ""},
}

var taskVisits = []visit{
	{"POST /api/tasks", by(admin, "/api/tasks", 201, `{"name":"new","labels":[{"name":"car"}],"segment_size":4,"overlap":1,"subset":"train"}`),
		by(admin, "/api/tasks", 400, `{"name":"new","segment_size":-1}`), "new"},
	{"GET /api/tasks", by(admin, "/api/tasks?sort=-id&page_size=2", 200), by(admin, "/api/tasks?sort=secret", 400), ""},
	{"GET /api/tasks/{id}", by(admin, "/api/tasks/$task", 200), by(ann, "/api/tasks/$task", 403), ""},
	{"PATCH /api/tasks/{id}", by(admin, "/api/tasks/$new", 200, `{"name":"renamed","assignee_id":$bob}`), by(admin, "/api/tasks/$new", 403, `{"size":1}`), ""},
	{"POST /api/tasks/{id}/data/", by(admin, "/api/tasks/$new/data/", 202, `{"image_quality":70,"server_files":["photos/"]}`),
		by(admin, "/api/tasks/$new/data/", 400, `{"image_quality":70,"chunk_size":0}`), ""},
	{"GET /api/requests", by(admin, "/api/requests?action=create&target=task", 200), by(admin, "/api/requests?sort=secret", 400), ""},
	{"GET /api/requests/{id}", by(admin, "/api/requests/action=create&target=task&target_id=$task", 200),
		by(admin, "/api/requests/action=create&target=task&target_id=99999", 404), ""},
	{"GET /api/tasks/{id}/status", by(admin, "/api/tasks/$task/status", 200), by(admin, "/api/tasks/99999/status", 404), ""},
	{"GET /api/tasks/{id}/data/", by(admin, "/api/tasks/$task/data/?type=chunk&number=0&quality=compressed", 200),
		by(admin, "/api/tasks/$task/data/?type=chunk&number=9", 400), ""},
	{"GET /api/tasks/{id}/data/meta", by(admin, "/api/tasks/$task/data/meta", 200), by(ann, "/api/tasks/$task/data/meta", 403), ""},
	{"PATCH /api/tasks/{id}/data/meta", by(admin, "/api/tasks/$task/data/meta", 200, `{"deleted_frames":[1,7]}`),
		by(admin, "/api/tasks/$task/data/meta", 400, `{"deleted_frames":[12]}`), ""},
	{"GET /api/tasks/{id}/preview", by(admin, "/api/tasks/$task/preview", 200), by(ann, "/api/tasks/$task/preview", 403), ""},
	{"GET /api/tasks/{id}/validation_layout", by(admin, "/api/tasks/$pool/validation_layout", 200), by(ann, "/api/tasks/$pool/validation_layout", 403), ""},
	{"PATCH /api/tasks/{id}/validation_layout", by(admin, "/api/tasks/$pool/validation_layout", 200, `{"frame_selection_method":"random_uniform"}`),
		by(admin, "/api/tasks/$pool/validation_layout", 400, `{"frame_selection_method":"random_per_job"}`), ""},
}

var jobVisits = []visit{
	{"GET /api/jobs", by(admin, "/api/jobs?task_id=$task&sort=id", 200), by(admin, "/api/jobs?task_id=first", 400), ""},
	{"POST /api/jobs", by(admin, "/api/jobs", 201, `{"task_id":$task,"type":"ground_truth","frame_selection_method":"manual","frames":[0,3]}`),
		by(admin, "/api/jobs", 400, `{"task_id":$task,"type":"ground_truth","frame_selection_method":"manual","frames":[12]}`), "truth"},
	{"GET /api/jobs/{id}", by(admin, "/api/jobs/$job", 200), by(ann, "/api/jobs/$job", 403), ""},
	{"PATCH /api/jobs/{id}", by(admin, "/api/jobs/$job", 200, `{"stage":"validation","assignee":$ann}`), by(admin, "/api/jobs/$job", 403, `{"start_frame":1}`), ""},
	{"GET /api/jobs/{id}/data", by(ann, "/api/jobs/$job/data?type=frame&number=0&quality=original", 200), by(ann, "/api/jobs/$job/data?type=frame&number=11", 400), ""},
	{"GET /api/jobs/{id}/data/meta", by(ann, "/api/jobs/$job/data/meta", 200), by(ann, "/api/jobs/$truth/data/meta", 403), ""},
	{"PATCH /api/jobs/{id}/data/meta", by(ann, "/api/jobs/$job/data/meta", 200, `{"deleted_frames":[2]}`),
		by(ann, "/api/jobs/$job/data/meta", 400, `{"deleted_frames":[11]}`), ""},
	{"GET /api/jobs/{id}/preview", by(ann, "/api/jobs/$job/preview", 200), by(nobody, "/api/jobs/$job/preview", 401), ""},
	{"GET /api/jobs/{id}/validation_layout", by(admin, "/api/jobs/$pool_job/validation_layout", 200), by(ann, "/api/jobs/$pool_job/validation_layout", 403), ""},
	{"PATCH /api/jobs/{id}/validation_layout", by(admin, "/api/jobs/$pool_job/validation_layout", 200, `{"frame_selection_method":"random_uniform"}`),
		by(admin, "/api/jobs/$job/validation_layout", 400, `{"frame_selection_method":"random_uniform"}`), ""},
	{"DELETE /api/jobs/{id}", by(admin, "/api/jobs/$truth", 204), by(admin, "/api/jobs/$job", 400), ""},
}

var projectVisits = []visit{
	{"POST /api/projects", by(admin, "/api/projects", 201, `{"name":"new","labels":[{"name":"car"}]}`), by(admin, "/api/projects", 400, `{"name":" "}`), "spare"},
	{"GET /api/projects", by(admin, "/api/projects?search=new", 200), by(admin, "/api/projects?filter=%7B", 400), ""},
	{"GET /api/projects/{id}", by(admin, "/api/projects/$spare", 200), by(ann, "/api/projects/$spare", 403), ""},
	{"PATCH /api/projects/{id}", by(admin, "/api/projects/$spare", 200, `{"name":"renamed"}`), by(admin, "/api/projects/$spare", 403, `{"status":"completed"}`), ""},
	{"GET /api/projects/{id}/preview", by(admin, "/api/projects/$project/preview", 200), by(admin, "/api/projects/$spare/preview", 404), ""},
	{"GET /api/labels", by(admin, "/api/labels?project_id=$project", 200), by(ann, "/api/labels?project_id=$project", 403), "label"},
	{"GET /api/labels/{id}", by(admin, "/api/labels/$label", 200), by(admin, "/api/labels/99999", 404), ""},
	{"PATCH /api/labels/{id}", by(admin, "/api/labels/$label", 200, `{"name":"lorry","color":"#00ff00"}`),
		by(admin, "/api/labels/$label", 400, `{"color":"green"}`), ""},
	{"DELETE /api/labels/{id}", by(admin, "/api/labels/$label", 204), by(ann, "/api/labels/$label", 403), ""},
	{"DELETE /api/projects/{id}", by(admin, "/api/projects/$spare", 204), by(ann, "/api/projects/$spare", 403), ""},
}

// cancelVisits need a server without consumers.
var cancelVisits = []visit{
	{"POST /api/tasks", by(admin, "/api/tasks", 201, `{"name":"cancelled","labels":[]}`), by(nobody, "/api/tasks", 401, `{"name":"cancelled"}`), "waiting"},
	{"POST /api/tasks/{id}/data/", by(admin, "/api/tasks/$waiting/data/", 202, `{"image_quality":70,"server_files":["photos/"]}`),
		by(ann, "/api/tasks/$waiting/data/", 403, `{"image_quality":70}`), ""},
	{"POST /api/requests/{id}/cancel", by(admin, "/api/requests/action=create&target=task&target_id=$waiting/cancel", 200),
		by(admin, "/api/requests/action=create&target=task&target_id=$task/cancel", 400), ""},
	{"DELETE /api/tasks/{id}", by(admin, "/api/tasks/$waiting", 204), by(ann, "/api/tasks/$waiting", 403), ""},
}
