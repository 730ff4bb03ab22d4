package api

import "slices"

// routes is every operation: those of the contract, its class beside each, and
// ours. A path that has no line here does not exist.
func (s *Server) routes() []route {
	return slices.Concat(s.taskRoutes(), s.jobRoutes(), s.projectRoutes(), s.serverRoutes(),
		s.peopleRoutes(), s.webhookRoutes(), s.noteRoutes(), answeredRoutes(), s.ownRoutes())
}

// taskRoutes are the operations on tasks and their data.
func (s *Server) taskRoutes() []route {
	return []route{
		// Tasks.
		{"GET", "/api/tasks", core, s.listTasks},
		{"POST", "/api/tasks", core, s.createTask},
		{"GET", "/api/tasks/{id}", core, s.readTask},
		{"PATCH", "/api/tasks/{id}", core, s.updateTask},
		{"DELETE", "/api/tasks/{id}", core, s.deleteTask},
		{"GET", "/api/tasks/{id}/status", core, s.readTaskStatus},
		{"GET", "/api/tasks/{id}/validation_layout", core, s.readTaskLayout},
		{"PATCH", "/api/tasks/{id}/validation_layout", core, s.updateTaskLayout},

		// Data of tasks.
		{"GET", "/api/tasks/{id}/data", core, s.readTaskData},
		{"POST", "/api/tasks/{id}/data", core | stream, s.postData},
		{"OPTIONS", "/api/tasks/{id}/data", core | open, s.describeTus},
		{"OPTIONS", "/api/tasks/{id}/data/{upload}", core | open, s.describeTus},
		{"HEAD", "/api/tasks/{id}/data/{upload}", core, s.readOffset},
		{"PATCH", "/api/tasks/{id}/data/{upload}", core | stream, s.appendUpload},
		{"GET", "/api/tasks/{id}/data/meta", core, s.readTaskMeta},
		{"HEAD", "/api/tasks/{id}/data/meta", core, s.readTaskMeta}, // lest it be taken for an upload
		{"PATCH", "/api/tasks/{id}/data/meta", core, s.updateTaskMeta},
		{"GET", "/api/tasks/{id}/preview", core, s.readTaskPreview},
	}
}

// jobRoutes are the operations on jobs and their frames.
func (s *Server) jobRoutes() []route {
	return []route{
		// Jobs.
		{"GET", "/api/jobs", core, s.listJobs},
		{"POST", "/api/jobs", core, s.createJob},
		{"GET", "/api/jobs/{id}", core, s.readJob},
		{"PATCH", "/api/jobs/{id}", core, s.updateJob},
		{"DELETE", "/api/jobs/{id}", core, s.deleteJob},
		{"GET", "/api/jobs/{id}/validation_layout", core, s.readJobLayout},
		{"PATCH", "/api/jobs/{id}/validation_layout", core, s.updateJobLayout},

		// Data of jobs.
		{"GET", "/api/jobs/{id}/data", core, s.readJobData},
		{"GET", "/api/jobs/{id}/data/meta", core, s.readJobMeta},
		{"PATCH", "/api/jobs/{id}/data/meta", core, s.updateJobMeta},
		{"GET", "/api/jobs/{id}/preview", core, s.readJobPreview},
	}
}

// projectRoutes are the operations on what tasks are made of and counted in.
func (s *Server) projectRoutes() []route {
	return []route{
		// Labels.
		{"GET", "/api/labels", core, s.listLabels},
		{"GET", "/api/labels/{id}", core, s.readLabel},
		{"PATCH", "/api/labels/{id}", core, s.updateLabel},
		{"DELETE", "/api/labels/{id}", core, s.deleteLabel},

		// Projects.
		{"GET", "/api/projects", core, s.listProjects},
		{"POST", "/api/projects", core, s.createProject},
		{"GET", "/api/projects/{id}", core, s.readProject},
		{"PATCH", "/api/projects/{id}", core, s.updateProject},
		{"DELETE", "/api/projects/{id}", core, s.deleteProject},

		// Previews of projects.
		{"GET", "/api/projects/{id}/preview", core, s.readProjectPreview},

		// Requests.
		{"GET", "/api/requests", core, s.listRequests},
		{"GET", "/api/requests/{id}", core, s.readRequest},
		{"POST", "/api/requests/{id}/cancel", core, s.cancelRequest},
	}
}

// serverRoutes are the operations on users and on the server itself.
func (s *Server) serverRoutes() []route {
	return []route{
		// Cloud storages: none can be added yet.
		{"GET", "/api/cloudstorages", core, s.listCloudStorages},
		{"POST", "/api/cloudstorages", core, s.createCloudStorage},
		{"GET", "/api/cloudstorages/{id}", core, s.readCloudStorage},
		{"PATCH", "/api/cloudstorages/{id}", core, s.updateCloudStorage},
		{"DELETE", "/api/cloudstorages/{id}", core, s.deleteCloudStorage},
		{"GET", "/api/cloudstorages/{id}/actions", core, s.readCloudActions},
		{"GET", "/api/cloudstorages/{id}/content-v2", core, s.readCloudContent},
		{"GET", "/api/cloudstorages/{id}/preview", core, s.readCloudPreview},
		{"GET", "/api/cloudstorages/{id}/status", core, s.readCloudStatus},

		// Users.
		{"GET", "/api/users", core, s.listUsers},
		{"GET", "/api/users/self", core, s.self},
		{"GET", "/api/users/{id}", core, s.readUser},
		{"PATCH", "/api/users/{id}", core | personal, s.updateUser},
		{"DELETE", "/api/users/{id}", core | personal, s.deleteUser},

		// The server itself.
		{"GET", "/api/server/about", core | open, s.about},
		{"GET", "/api/server/annotation/formats", core, formats},
		{"GET", "/api/server/plugins", core, plugins},
		{"GET", "/api/server/share", core, s.listShare},
		{"GET", "/api/schema", core | open, s.schema},

		// Logging in.
		{"POST", "/api/auth/login", core | open, s.login},
		{"POST", "/api/auth/logout", core | open, s.logout},
		{"POST", "/api/auth/password/change", core, s.changePassword},
		{"GET", "/api/auth/access_tokens", core, s.listAccessTokens},
		{"POST", "/api/auth/access_tokens", core | personal, s.createAccessToken},
		{"GET", "/api/auth/access_tokens/self", core, s.readOwnAccessToken},
		{"GET", "/api/auth/access_tokens/{id}", core, s.readAccessToken},
		{"PATCH", "/api/auth/access_tokens/{id}", core | personal, s.updateAccessToken},
		{"DELETE", "/api/auth/access_tokens/{id}", core | personal, s.revokeAccessToken},
	}
}

// peopleRoutes are the operations that need organizations.
func (s *Server) peopleRoutes() []route {
	return []route{
		// Organizations, and who is in them.
		{"GET", "/api/organizations", people, s.listOrganizations},
		{"POST", "/api/organizations", people, s.createOrganization},
		{"GET", "/api/organizations/{id}", people, s.readOrganization},
		{"PATCH", "/api/organizations/{id}", people, s.updateOrganization},
		{"DELETE", "/api/organizations/{id}", people, s.deleteOrganization},
		{"GET", "/api/memberships", people, s.listMemberships},
		{"GET", "/api/memberships/{id}", people, s.readMembership},
		{"PATCH", "/api/memberships/{id}", people, s.updateMembership},
		{"DELETE", "/api/memberships/{id}", people, s.deleteMembership},
		{"GET", "/api/invitations", people, s.listInvitations},
		{"POST", "/api/invitations", people, s.createInvitation},
		{"GET", "/api/invitations/{key}", people, s.readInvitation},
		{"PATCH", "/api/invitations/{key}", people, s.updateInvitation},
		{"DELETE", "/api/invitations/{key}", people, s.deleteInvitation},
		{"POST", "/api/invitations/{key}/accept", people, s.acceptInvitation},
		{"POST", "/api/invitations/{key}/decline", people, s.declineInvitation},
		{"POST", "/api/invitations/{key}/resend", people, s.resendInvitation},
	}
}

// webhookRoutes are the operations on who hears of changes.
func (s *Server) webhookRoutes() []route {
	return []route{
		{"GET", "/api/webhooks", people, s.listWebhooks},
		{"POST", "/api/webhooks", people, s.createWebhook},
		{"GET", "/api/webhooks/events", people, listWebhookEvents},
		{"GET", "/api/webhooks/{id}", people, s.readWebhook},
		{"PUT", "/api/webhooks/{id}", people, s.replaceWebhook},
		{"PATCH", "/api/webhooks/{id}", people, s.updateWebhook},
		{"DELETE", "/api/webhooks/{id}", people, s.deleteWebhook},
		{"GET", "/api/webhooks/{id}/deliveries", people, s.listDeliveries},
		{"GET", "/api/webhooks/{id}/deliveries/{delivery_id}", people, s.readDelivery},
		{"POST", "/api/webhooks/{id}/deliveries/{delivery_id}/redelivery", people, s.redeliver},
		{"POST", "/api/webhooks/{id}/ping", people, s.pingWebhook},
	}
}

// noteRoutes are the operations on what annotators draw and write.
func (s *Server) noteRoutes() []route {
	return []route{
		// Annotation data.
		{"GET", "/api/tasks/{id}/annotations", notes, s.readTaskAnnotations},
		{"POST", "/api/tasks/{id}/annotations", notes, notOffered},
		{"PUT", "/api/tasks/{id}/annotations", notes, notOffered},
		{"PATCH", "/api/tasks/{id}/annotations", notes, notOffered},
		{"DELETE", "/api/tasks/{id}/annotations", notes, notOffered},
		{"GET", "/api/jobs/{id}/annotations", notes, s.readJobAnnotations},
		{"POST", "/api/jobs/{id}/annotations", notes, notOffered},
		{"PUT", "/api/jobs/{id}/annotations", notes, notOffered},
		{"PATCH", "/api/jobs/{id}/annotations", notes, notOffered},
		{"DELETE", "/api/jobs/{id}/annotations", notes, notOffered},
		{"GET", "/api/issues", notes, emptyPage},
		{"POST", "/api/issues", notes, notOffered},
		{"GET", "/api/issues/{id}", notes, missing},
		{"PATCH", "/api/issues/{id}", notes, notOffered},
		{"DELETE", "/api/issues/{id}", notes, notOffered},
		{"GET", "/api/comments", notes, emptyPage},
		{"POST", "/api/comments", notes, notOffered},
		{"GET", "/api/comments/{id}", notes, missing},
		{"PATCH", "/api/comments/{id}", notes, notOffered},
		{"DELETE", "/api/comments/{id}", notes, notOffered},
		{"POST", "/api/guides", notes, notOffered},
		{"GET", "/api/guides/{id}", notes, missing},
		{"PATCH", "/api/guides/{id}", notes, notOffered},
		{"DELETE", "/api/guides/{id}", notes, notOffered},
		{"POST", "/api/assets", notes | stream, notOffered},
		{"GET", "/api/assets/{uuid}", notes, missing},
		{"DELETE", "/api/assets/{uuid}", notes, notOffered},
	}
}

// answeredRoutes are the operations outside the scope.
func answeredRoutes() []route {
	return []route{
		// Answered, so that clients go on, and not offered.
		{"GET", "/api/events", answered, noEvents},
		{"POST", "/api/events", answered, dropEvents},
		{"POST", "/api/events/export", answered, notOffered},
		{"GET", "/api/lambda/functions", answered, emptyList},
		{"GET", "/api/lambda/functions/{func_id}", answered, missing},
		{"POST", "/api/lambda/functions/{func_id}", answered, notOffered},
		{"GET", "/api/lambda/requests", answered, emptyList},
		{"POST", "/api/lambda/requests", answered, notOffered},
		{"GET", "/api/lambda/requests/{id}", answered, missing},
		{"DELETE", "/api/lambda/requests/{id}", answered, notOffered},
		{"GET", "/api/quality/conflicts", answered, emptyPage},
		{"GET", "/api/quality/reports", answered, emptyPage},
		{"POST", "/api/quality/reports", answered, notOffered},
		{"GET", "/api/quality/reports/{id}", answered, missing},
		{"GET", "/api/quality/reports/{id}/data", answered, missing},
		{"GET", "/api/quality/settings", answered, emptyPage},
		{"GET", "/api/quality/settings/{id}", answered, missing},
		{"PATCH", "/api/quality/settings/{id}", answered, notOffered},
		{"POST", "/api/consensus/merges", answered, notOffered},
		{"GET", "/api/consensus/settings", answered, emptyPage},
		{"GET", "/api/consensus/settings/{id}", answered, missing},
		{"PATCH", "/api/consensus/settings/{id}", answered, notOffered},
		{"POST", "/api/jobs/{id}/dataset/export", answered, notOffered},
		{"POST", "/api/tasks/{id}/dataset/export", answered, notOffered},
		{"POST", "/api/tasks/{id}/backup/export", answered, notOffered},
		{"POST", "/api/tasks/backup", answered | stream, notOffered},
		{"POST", "/api/projects/{id}/dataset/export", answered, notOffered},
		{"POST", "/api/projects/{id}/dataset", answered | stream, notOffered},
		{"POST", "/api/projects/{id}/backup/export", answered, notOffered},
		{"POST", "/api/projects/backup", answered | stream, notOffered},
		{"POST", "/api/auth/register", answered | open, notOffered},
		{"POST", "/api/auth/password/reset", answered | open, notOffered},
		{"POST", "/api/auth/password/reset/confirm", answered | open, notOffered},
		{"GET", "/api/auth/rules", answered | open, notOffered},
	}
}

// ownRoutes are our additions to the contract.
func (s *Server) ownRoutes() []route {
	return []route{
		// Ours.
		{"GET", "/api/server/health", ours | open, s.health},
		{"GET", "/api/errors", ours | open, listErrors},
		{"GET", "/api/requests/{id}/files", ours, s.listRequestFiles},
		{"GET", "/api/tasks/{id}/frames.csv", ours, s.frameTable},
		{"GET", "/api/tasks/{id}/frames.ndjson", ours, s.frameLines},
		{"GET", "/api/user-agreements", ours | open, emptyList},
	}
}
